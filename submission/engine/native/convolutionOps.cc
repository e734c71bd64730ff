// The convolutions as TensorFlow ops, float32, shapes as in convolution.h:
//
//   HaetConvolution(input, filter) -> output
//   HaetConvolutionInputGradient(filter, output_gradient) -> input_gradient
//   HaetConvolutionFilterGradient(input, output_gradient) -> filter_gradient
#include "convolution.h"
#include "fewChannels.h"
#include "op.h"

namespace haet {
namespace {

bool fillsVectors(int channels) { return channels % 8 == 0; }

// Of four axes, and not empty.
bool isImage(const Tensor& tensor) { return rank(tensor) == 4 && TF_TensorElementCount(tensor.get()) > 0; }
bool isOutput(const Tensor& tensor) { return isImage(tensor) && fillsVectors(edge(tensor, 3)); }
bool isFilter(const Tensor& tensor) { return isOutput(tensor) && edge(tensor, 0) == 3 && edge(tensor, 1) == 3; }

void require(bool fits) {
  if (fits) return;
  throw std::invalid_argument(
      "expected images [batch, height, width, channels] and a filter [3, 3, in, out], none empty; channels out, and those "
      "of a gradient to the input, are multiples of 8");
}

void requireFit(bool fits) {
  if (!fits) throw std::invalid_argument("the shapes of the two inputs do not belong together");
}

void convolution(Call& call, void*) {
  const Tensor input = call.input(0), filter = call.input(1);
  require(isImage(input) && isFilter(filter));
  const Convolution shape{edge(input, 0), edge(input, 1), edge(input, 2), edge(input, 3), edge(filter, 3)};
  requireFit(edge(filter, 2) == shape.in);
  const Tensor output = call.output(0, TF_FLOAT, {shape.batch, shape.height, shape.width, shape.out});
  (fillsVectors(shape.in) ? convolve : convolveFew)(shape, data<const float>(input), data<const float>(filter), data<float>(output));
}

void inputGradient(Call& call, void*) {
  const Tensor filter = call.input(0), gradient = call.input(1);
  require(isOutput(gradient) && isFilter(filter) && fillsVectors(edge(filter, 2)));
  const Convolution shape{edge(gradient, 0), edge(gradient, 1), edge(gradient, 2), edge(filter, 2), edge(filter, 3)};
  requireFit(edge(gradient, 3) == shape.out);
  const Tensor output = call.output(0, TF_FLOAT, {shape.batch, shape.height, shape.width, shape.in});
  convolveInputGradient(shape, data<const float>(filter), data<const float>(gradient), data<float>(output));
}

void filterGradient(Call& call, void*) {
  const Tensor input = call.input(0), gradient = call.input(1);
  require(isImage(input) && isOutput(gradient));
  const Convolution shape{edge(input, 0), edge(input, 1), edge(input, 2), edge(input, 3), edge(gradient, 3)};
  requireFit(edge(gradient, 0) == shape.batch && edge(gradient, 1) == shape.height &&
             edge(gradient, 2) == shape.width);
  const Tensor output = call.output(0, TF_FLOAT, {3, 3, shape.in, shape.out});
  (fillsVectors(shape.in) ? convolveFilterGradient : convolveFewFilterGradient)(shape, data<const float>(input), data<const float>(gradient), data<float>(output));
}

}  // namespace

void registerConvolutions() {
  registerOp({"HaetConvolution", {"input: float", "filter: float"}, {"output: float"}, {}, &compute<convolution>});
  registerOp({"HaetConvolutionInputGradient",
              {"filter: float", "output_gradient: float"},
              {"input_gradient: float"},
              {},
              &compute<inputGradient>});
  registerOp({"HaetConvolutionFilterGradient",
              {"input: float", "output_gradient: float"},
              {"filter_gradient: float"},
              {},
              &compute<filterGradient>});
}

}  // namespace haet
