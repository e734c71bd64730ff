// All tensors are cut into shares of some rows, which the threads process in one parallel loop: one loop per tensor
// would synchronise threads for every small tensor.
#include "kernels/sgd.h"

#include <algorithm>

#include "runtime/threadPool.h"

namespace haet {
namespace {

constexpr long kRows = 64;

struct Share {
  int parameter;
  long first, end;  // rows
};

std::vector<Share> sharesOf(const std::vector<Parameter>& parameters) {
  std::vector<Share> shares;
  for (size_t index = 0; index < parameters.size(); ++index) {
    const long inputs = parameters[index].inputs;
    for (long row = 0; row < inputs; row += kRows) {
      shares.push_back({static_cast<int>(index), row, std::min(inputs, row + kRows)});
    }
  }
  return shares;
}

// Returns the mean gradient of every unit, tensor by tensor. The sums of shares are added in a fixed order.
std::vector<std::vector<float>> meansOf(const std::vector<Parameter>& parameters, const std::vector<Share>& shares) {
  std::vector<std::vector<float>> sums(shares.size());
  parallelFor(static_cast<int>(shares.size()), [&](int index) {
    const Share& share = shares[index];
    const Parameter& parameter = parameters[share.parameter];
    if (!parameter.centralizes) return;
    const int units = parameter.units;
    std::vector<float>& sum = sums[index];
    sum.resize(units);
    for (long row = share.first; row < share.end; ++row) {
      for (int unit = 0; unit < units; ++unit) sum[unit] += parameter.gradient[row * units + unit];
    }
  });
  std::vector<std::vector<float>> means;
  std::vector<double> total;
  auto share = shares.begin();
  for (size_t index = 0; index < parameters.size(); ++index) {
    const Parameter& parameter = parameters[index];
    total.assign(parameter.units, 0);
    for (; share != shares.end() && share->parameter == static_cast<int>(index); ++share) {
      const std::vector<float>& sum = sums[share - shares.begin()];
      for (size_t unit = 0; unit < sum.size(); ++unit) total[unit] += sum[unit];
    }
    std::vector<float>& mean = means.emplace_back(parameter.units);
    for (int unit = 0; unit < parameter.units; ++unit) mean[unit] = static_cast<float>(total[unit] / parameter.inputs);
  }
  return means;
}

}  // namespace

void sgd(const std::vector<Parameter>& parameters) {
  const std::vector<Share> shares = sharesOf(parameters);
  const std::vector<std::vector<float>> means = meansOf(parameters, shares);
  parallelFor(static_cast<int>(shares.size()), [&](int index) {
    const Share& share = shares[index];
    const Parameter& parameter = parameters[share.parameter];
    const float rate = parameter.rate, momentum = parameter.momentum, decay = parameter.decay;
    const float* mean = means[share.parameter].data();
    for (long row = share.first; row < share.end; ++row) {
      for (long at = row * parameter.units, unit = 0; unit < parameter.units; ++at, ++unit) {
        const float direction = parameter.gradient[at] - mean[unit] + decay * parameter.weight[at];
        const float updated = momentum * parameter.velocity[at] + direction;
        parameter.newVelocity[at] = updated;
        parameter.newWeight[at] = parameter.weight[at] - rate * (direction + momentum * updated);
      }
    }
  });
}

}  // namespace haet
