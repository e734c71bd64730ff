// Exponential averages of many tensors as one TensorFlow op; decay is an input because it changes from call to call.
//
//   HaetAverage(N averages, N latest, decay []) -> N averaged = decay average + (1 - decay) latest
#include <algorithm>

#include "op.h"
#include "threadPool.h"

namespace haet {
namespace {

constexpr long kShare = 16384;  // values that a thread takes at once

struct Pair {
  long count;
  const float *average, *latest;
  float* averaged;
};

void average(Call& call, void*) {
  const int count = (call.inputs() - 1) / 2;
  const Tensor decayTensor = call.input(2 * count);
  if (TF_TensorElementCount(decayTensor.get()) != 1) throw std::invalid_argument("decay must be one number");
  const float decay = *data<const float>(decayTensor);
  std::vector<Pair> shares;
  for (int index = 0; index < count; ++index) {
    const Tensor& average = call.kept(call.input(index));
    const Tensor& latest = call.kept(call.input(count + index));
    const std::vector<int64_t> shape = shapeOf(average);
    if (shapeOf(latest) != shape) throw std::invalid_argument("an average and what it takes in must have one shape");
    const Tensor& averaged = call.kept(call.output(index, TF_FLOAT, shape));
    const long values = TF_TensorElementCount(average.get());
    for (long at = 0; at < values; at += kShare) {
      shares.push_back({std::min(kShare, values - at), data<const float>(average) + at, data<const float>(latest) + at,
                        data<float>(averaged) + at});
    }
  }
  parallelFor(static_cast<int>(shares.size()), [&](int index) {
    const Pair& share = shares[index];
    for (long at = 0; at < share.count; ++at) {
      share.averaged[at] = decay * share.average[at] + (1 - decay) * share.latest[at];
    }
  });
}

}  // namespace

void registerAverage() {
  registerOp({"HaetAverage",
              {"averages: N * float", "latest: N * float", "decay: float"},
              {"averaged: N * float"},
              {"N: int >= 1"},
              &compute<average>});
}

}  // namespace haet
