#include "kernels/average.h"

#include <algorithm>

#include "runtime/threadPool.h"

namespace haet {
namespace {

constexpr long kShare = 16384;  // values per call of a thread

}  // namespace

void average(const std::vector<Averaged>& tensors, float decay) {
  std::vector<Averaged> shares;
  for (const Averaged& tensor : tensors) {
    for (long at = 0; at < tensor.count; at += kShare) {
      shares.push_back(
          {std::min(kShare, tensor.count - at), tensor.average + at, tensor.latest + at, tensor.averaged + at});
    }
  }
  parallelFor(static_cast<int>(shares.size()), [&](int index) {
    const Averaged& share = shares[index];
    for (long at = 0; at < share.count; ++at) {
      share.averaged[at] = decay * share.average[at] + (1 - decay) * share.latest[at];
    }
  });
}

}  // namespace haet
