#include "sgd.h"

#include <algorithm>
#include <vector>

#include "threadPool.h"

namespace haet {
namespace {

// Rows that one share of the work has; the sums of shares are added up in their order.
constexpr long kShare = 64;

std::vector<float> means(const float* gradient, long inputs, int units) {
  const int shares = static_cast<int>((inputs + kShare - 1) / kShare);
  std::vector<float> sums(static_cast<size_t>(shares) * units);
  parallelFor(shares, [&](int share) {
    float* sum = sums.data() + static_cast<size_t>(share) * units;
    for (long row = share * kShare; row < std::min(inputs, (share + 1) * kShare); ++row) {
      for (int unit = 0; unit < units; ++unit) sum[unit] += gradient[row * units + unit];
    }
  });
  std::vector<float> mean(units);
  for (int unit = 0; unit < units; ++unit) {
    double total = 0;
    for (int share = 0; share < shares; ++share) total += sums[static_cast<size_t>(share) * units + unit];
    mean[unit] = static_cast<float>(total / inputs);
  }
  return mean;
}

}  // namespace

void sgd(const Sgd& options, long inputs, int units, bool centralized, const float* weight, const float* velocity,
         const float* gradient, float* newWeight, float* newVelocity) {
  const float rate = options.rate, momentum = options.momentum, decay = options.decay;
  const std::vector<float> mean = centralized ? means(gradient, inputs, units) : std::vector<float>(units);
  parallelFor(static_cast<int>((inputs + kShare - 1) / kShare), [&](int share) {
    for (long row = share * kShare; row < std::min(inputs, (share + 1) * kShare); ++row) {
      for (long at = row * units, unit = 0; unit < units; ++at, ++unit) {
        const float direction = gradient[at] - mean[unit] + decay * weight[at];
        const float updated = momentum * velocity[at] + direction;
        newVelocity[at] = updated;
        newWeight[at] = weight[at] - rate * (direction + momentum * updated);
      }
    }
  });
}

}  // namespace haet
