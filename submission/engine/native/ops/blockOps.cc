// A block as TensorFlow ops. Shapes as in block.h, all float32:
//
//   HaetBlock(input, filter, offset; pool, alpha, epsilon) -> output, mean, variance, inverse, values, choice
//   HaetBlockWith(input, filter, offset, mean, variance; pool, alpha, epsilon) -> output
//   HaetBlockGradient(output_gradient, input, filter, output, values, choice, mean, inverse; pool, alpha, epsilon,
//     wants_input) -> input_gradient, filter_gradient, offset_gradient
//
// values is like output, or a vector of sums for images without pooling; choice is empty without pooling,
// input_gradient is empty if not wanted.
#include "kernels/block.h"
#include "ops/op.h"

namespace haet {
namespace {

struct Attributes {
  bool pool;
  Normalise normalise;
  bool wantsInput;
};

// Reads the attributes of a kernel one after the other. The first failure fails the construction.
class Reader {
 public:
  explicit Reader(TF_OpKernelConstruction* construction) : construction_(construction), status_(TF_NewStatus()) {}

  bool flag(const char* name) {
    TF_Bool value = 0;
    if (isFine()) TF_OpKernelConstruction_GetAttrBool(construction_, name, &value, status_.get());
    return value != 0;
  }
  float number(const char* name) {
    float value = 0;
    if (isFine()) TF_OpKernelConstruction_GetAttrFloat(construction_, name, &value, status_.get());
    return value;
  }
  // Returns the attributes for the kernel to keep; null if one could not be read.
  Attributes* kept(const Attributes& attributes) {
    if (isFine()) return new Attributes(attributes);
    TF_OpKernelConstruction_Failure(construction_, status_.get());
    return nullptr;
  }

 private:
  bool isFine() const { return TF_GetCode(status_.get()) == TF_OK; }

  TF_OpKernelConstruction* construction_;
  Status status_;
};

template <bool isGradient>
void* readAttributes(TF_OpKernelConstruction* construction) {
  Reader reader(construction);
  const bool pool = reader.flag("pool");
  const float alpha = reader.number("alpha"), epsilon = reader.number("epsilon");
  return reader.kept({pool, {alpha, epsilon}, isGradient && reader.flag("wants_input")});
}

void removeAttributes(void* state) { delete static_cast<Attributes*>(state); }

bool isVector(const Tensor& tensor, int length) { return rank(tensor) == 1 && edge(tensor, 0) == length; }

std::vector<int64_t> axesOf(const Panels& shape) {
  return {shape.batch, shape.panels(), shape.height, shape.width, kLanes};
}

std::vector<int64_t> axesOfKept(const Block& block) {
  if (block.isPlainPicture()) return {static_cast<int64_t>(block.keptValues())};
  return axesOf(block.result());
}

bool isOf(const Tensor& tensor, const std::vector<int64_t>& axes) {
  if (rank(tensor) != static_cast<int>(axes.size())) return false;
  for (int axis = 0; axis < rank(tensor); ++axis) {
    if (edge(tensor, axis) != axes[axis]) return false;
  }
  return true;
}

// Returns the block with these shapes. @throws std::invalid_argument if they are not those of a block
Block blockOf(const Tensor& input, const Tensor& filter, const Attributes& attributes) {
  const bool isPicture = rank(input) == 4, isPanels = rank(input) == 5 && edge(input, 4) == kLanes;
  const bool isFilter =
      rank(filter) == 4 && edge(filter, 0) == 3 && edge(filter, 1) == 3 && edge(filter, 3) % kLanes == 0;
  const bool hasElements = TF_TensorElementCount(input.get()) > 0 && TF_TensorElementCount(filter.get()) > 0;
  if (!(isPicture || isPanels) || !isFilter || !hasElements) {
    const std::string lanes = std::to_string(kLanes);
    throw std::invalid_argument("expected panels [batch, channels / " + lanes + ", height, width, " + lanes +
                                "] or images [batch, height, width, channels], and a filter [3, 3, in, out], out a "
                                "multiple of " +
                                lanes + "; none empty");
  }
  const int row = isPicture ? 1 : 2;
  const Convolution shape{edge(input, 0), edge(input, row), edge(input, row + 1),
                          isPicture ? edge(input, 3) : edge(input, 1) * kLanes, edge(filter, 3)};
  if (edge(filter, 2) != shape.in) {
    throw std::invalid_argument("the filter and the input have different numbers of channels");
  }
  if (attributes.pool && (shape.height % 2 != 0 || shape.width % 2 != 0)) {
    throw std::invalid_argument("pooling needs even edges");
  }
  return {shape, isPicture, attributes.pool, attributes.normalise};
}

void requireVectors(const Block& block, std::initializer_list<const Tensor*> tensors) {
  for (const Tensor* tensor : tensors) {
    if (!isVector(*tensor, block.convolution.out)) {
      throw std::invalid_argument("offset and statistics must have one value per channel");
    }
  }
}

void computeForward(Call& call, void* state) {
  const Tensor input = call.input(0), filter = call.input(1), offset = call.input(2);
  const Block block = blockOf(input, filter, *static_cast<const Attributes*>(state));
  requireVectors(block, {&offset});
  const std::vector<int64_t> axes = axesOf(block.result()), channels{block.convolution.out};
  const Tensor output = call.output(0, TF_FLOAT, axes), mean = call.output(1, TF_FLOAT, channels),
               variance = call.output(2, TF_FLOAT, channels), inverse = call.output(3, TF_FLOAT, channels),
               values = call.output(4, TF_FLOAT, axesOfKept(block)),
               choice = call.output(5, TF_UINT8, block.pools ? axes : std::vector<int64_t>{0});
  forward(block, data<const float>(input), data<const float>(filter), data<const float>(offset), data<float>(output),
          {data<float>(values),
           block.pools ? data<uint8_t>(choice) : nullptr,
           {data<float>(mean), data<float>(variance), data<float>(inverse)}});
}

void computeForwardWith(Call& call, void* state) {
  const Tensor input = call.input(0), filter = call.input(1), offset = call.input(2), mean = call.input(3),
               variance = call.input(4);
  const Block block = blockOf(input, filter, *static_cast<const Attributes*>(state));
  requireVectors(block, {&offset, &mean, &variance});
  const Tensor output = call.output(0, TF_FLOAT, axesOf(block.result()));
  forwardWith(block, data<const float>(input), data<const float>(filter), data<const float>(offset),
              data<const float>(mean), data<const float>(variance), data<float>(output));
}

void computeBackward(Call& call, void* state) {
  const Tensor outputGradient = call.input(0), input = call.input(1), filter = call.input(2), output = call.input(3),
               values = call.input(4), choice = call.input(5), mean = call.input(6), inverse = call.input(7);
  const auto& attributes = *static_cast<const Attributes*>(state);
  const Block block = blockOf(input, filter, attributes);
  requireVectors(block, {&mean, &inverse});
  const std::vector<int64_t> axes = axesOf(block.result());
  if (!isOf(outputGradient, axes) || !isOf(output, axes) || !isOf(values, axesOfKept(block)) ||
      (block.pools && !isOf(choice, axes))) {
    throw std::invalid_argument("the shapes of the inputs do not match");
  }
  if (attributes.wantsInput && block.isPicture) throw std::invalid_argument("images (NHWC) have no input gradient");
  const Convolution& shape = block.convolution;
  const Tensor inputGradient =
                   call.output(0, TF_FLOAT, attributes.wantsInput ? axesOf(shape.input()) : std::vector<int64_t>{0}),
               filterGradient = call.output(1, TF_FLOAT, {3, 3, shape.in, shape.out}),
               offsetGradient = call.output(2, TF_FLOAT, {shape.out});
  const Passed passed{data<const float>(values), block.pools ? data<const uint8_t>(choice) : nullptr,
                      data<const float>(mean), data<const float>(inverse)};
  backward(block, data<const float>(outputGradient), data<const float>(input), data<const float>(filter),
           data<const float>(output), passed,
           {attributes.wantsInput ? data<float>(inputGradient) : nullptr, data<float>(filterGradient),
            data<float>(offsetGradient)});
}

}  // namespace

void registerBlocks() {
  registerOp({"HaetBlock",
              {"input: float", "filter: float", "offset: float"},
              {"output: float", "mean: float", "variance: float", "inverse: float", "values: float", "choice: uint8"},
              {"pool: bool", "alpha: float", "epsilon: float"},
              &compute<computeForward>,
              &readAttributes<false>,
              &removeAttributes});
  registerOp({"HaetBlockWith",
              {"input: float", "filter: float", "offset: float", "mean: float", "variance: float"},
              {"output: float"},
              {"pool: bool", "alpha: float", "epsilon: float"},
              &compute<computeForwardWith>,
              &readAttributes<false>,
              &removeAttributes});
  registerOp({"HaetBlockGradient",
              {"output_gradient: float", "input: float", "filter: float", "output: float", "values: float",
               "choice: uint8", "mean: float", "inverse: float"},
              {"input_gradient: float", "filter_gradient: float", "offset_gradient: float"},
              {"pool: bool", "alpha: float", "epsilon: float", "wants_input: bool"},
              &compute<computeBackward>,
              &readAttributes<true>,
              &removeAttributes});
}

}  // namespace haet
