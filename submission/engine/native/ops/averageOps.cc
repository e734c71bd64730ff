// Exponential averages of many tensors as one TensorFlow op. decay is an input because it changes between calls.
//
//   HaetAverage(N averages, N latest, decay []) -> N averaged = decay average + (1 - decay) latest
#include "kernels/average.h"
#include "ops/op.h"

namespace haet {
namespace {

void averageAll(Call& call, void*) {
  const int count = (call.inputs() - 1) / 2;
  const Tensor decay = call.input(2 * count);
  if (TF_TensorElementCount(decay.get()) != 1) throw std::invalid_argument("decay must be one number");
  std::vector<Averaged> tensors;
  for (int index = 0; index < count; ++index) {
    const Tensor& average = call.kept(call.input(index));
    const Tensor& latest = call.kept(call.input(count + index));
    const std::vector<int64_t> shape = shapeOf(average);
    if (shapeOf(latest) != shape) throw std::invalid_argument("an average and its new values must have the same shape");
    const Tensor& averaged = call.kept(call.output(index, TF_FLOAT, shape));
    tensors.push_back({TF_TensorElementCount(average.get()), data<const float>(average), data<const float>(latest),
                       data<float>(averaged)});
  }
  average(tensors, *data<const float>(decay));
}

}  // namespace

void registerAverage() {
  registerOp({"HaetAverage",
              {"averages: N * float", "latest: N * float", "decay: float"},
              {"averaged: N * float"},
              {"N: int >= 1"},
              &compute<averageAll>});
}

}  // namespace haet
