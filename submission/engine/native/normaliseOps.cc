// What follows a convolution as TensorFlow ops, shapes as in normalise.h; pooled and choice are empty where nothing is
// pooled, and the gradient then takes the input for pooled:
//
//   HaetNormalise(input, offset; pool, alpha, epsilon) -> output, mean, variance, inverse, pooled, choice
//   HaetNormaliseGradient(output_gradient, output, pooled, choice, mean, inverse; pool, alpha, epsilon)
//     -> input_gradient, offset_gradient
#include "normalise.h"
#include "op.h"

namespace haet {
namespace {

struct Attributes {
  bool pool;
  float alpha, epsilon;
};

void* readAttributes(TF_OpKernelConstruction* construction) {
  const Status status(TF_NewStatus());
  TF_Bool pool = 0;
  Attributes attributes{};
  TF_OpKernelConstruction_GetAttrBool(construction, "pool", &pool, status.get());
  if (TF_GetCode(status.get()) == TF_OK)
    TF_OpKernelConstruction_GetAttrFloat(construction, "alpha", &attributes.alpha, status.get());
  if (TF_GetCode(status.get()) == TF_OK)
    TF_OpKernelConstruction_GetAttrFloat(construction, "epsilon", &attributes.epsilon, status.get());
  if (TF_GetCode(status.get()) != TF_OK) {
    TF_OpKernelConstruction_Failure(construction, status.get());
    return nullptr;
  }
  attributes.pool = pool != 0;
  return new Attributes(attributes);
}

void removeAttributes(void* state) { delete static_cast<Attributes*>(state); }

bool isVector(const Tensor& tensor, int length) { return rank(tensor) == 1 && edge(tensor, 0) == length; }

bool haveOneShape(const Tensor& one, const Tensor& other) {
  if (rank(one) != 4 || rank(other) != 4) return false;
  for (int axis = 0; axis < 4; ++axis) {
    if (edge(one, axis) != edge(other, axis)) return false;
  }
  return true;
}

void forward(Call& call, void* state) {
  const auto& [pool, alpha, epsilon] = *static_cast<const Attributes*>(state);
  const Tensor input = call.input(0), offset = call.input(1);
  const bool isImage = rank(input) == 4 && edge(input, 3) % 8 == 0 && TF_TensorElementCount(input.get()) > 0;
  if (!isImage || (pool && (edge(input, 1) % 2 != 0 || edge(input, 2) % 2 != 0))) {
    throw std::invalid_argument(
        "expected images [batch, height, width, channels], channels in multiples of 8, even edges where they are pooled");
  }
  const Normalise shape{edge(input, 0), edge(input, 1), edge(input, 2), edge(input, 3), pool, alpha, epsilon};
  if (!isVector(offset, shape.channels)) throw std::invalid_argument("expected an offset for every channel");
  const std::vector<int64_t> image{shape.batch, shape.outHeight(), shape.outWidth(), shape.channels};
  const std::vector<int64_t> channels{shape.channels}, kept = pool ? image : std::vector<int64_t>{0};
  const Tensor output = call.output(0, TF_FLOAT, image), mean = call.output(1, TF_FLOAT, channels),
               variance = call.output(2, TF_FLOAT, channels), inverse = call.output(3, TF_FLOAT, channels),
               pooled = call.output(4, TF_FLOAT, kept), choice = call.output(5, TF_UINT8, kept);
  normalise(shape, data<const float>(input), data<const float>(offset), data<float>(output), data<float>(pooled),
            data<uint8_t>(choice), {data<float>(mean), data<float>(variance), data<float>(inverse)});
}

void backward(Call& call, void* state) {
  const auto& [pool, alpha, epsilon] = *static_cast<const Attributes*>(state);
  const Tensor outputGradient = call.input(0), output = call.input(1), pooled = call.input(2), choice = call.input(3),
               mean = call.input(4), inverse = call.input(5);
  const bool fits = TF_TensorElementCount(output.get()) > 0 && haveOneShape(outputGradient, output) && haveOneShape(output, pooled) &&
                    (!pool || haveOneShape(output, choice)) && edge(output, 3) % 8 == 0 &&
                    isVector(mean, edge(output, 3)) && isVector(inverse, edge(output, 3));
  if (!fits) throw std::invalid_argument("the shapes of the inputs do not belong together");
  const int factor = pool ? 2 : 1;
  const Normalise shape{edge(output, 0), factor * edge(output, 1), factor * edge(output, 2), edge(output, 3), pool,
                        alpha, epsilon};
  const Tensor inputGradient = call.output(0, TF_FLOAT, {shape.batch, shape.height, shape.width, shape.channels}),
               offsetGradient = call.output(1, TF_FLOAT, {shape.channels});
  normaliseGradient(shape, data<const float>(outputGradient), data<const float>(output), data<const float>(pooled),
                    data<const uint8_t>(choice), data<const float>(mean), data<const float>(inverse),
                    data<float>(inputGradient), data<float>(offsetGradient));
}

}  // namespace

void registerNormalise() {
  registerOp({"HaetNormalise",
              {"input: float", "offset: float"},
              {"output: float", "mean: float", "variance: float", "inverse: float", "pooled: float", "choice: uint8"},
              {"pool: bool", "alpha: float", "epsilon: float"},
              &compute<forward>,
              &readAttributes,
              &removeAttributes});
  registerOp({"HaetNormaliseGradient",
              {"output_gradient: float", "output: float", "pooled: float", "choice: uint8", "mean: float",
               "inverse: float"},
              {"input_gradient: float", "offset_gradient: float"},
              {"pool: bool", "alpha: float", "epsilon: float"},
              &compute<backward>,
              &readAttributes,
              &removeAttributes});
}

}  // namespace haet
