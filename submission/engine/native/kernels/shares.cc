#include "kernels/shares.h"

#include <algorithm>

#include "runtime/threadPool.h"

namespace haet {

std::vector<Share> sharesOf(const std::vector<Parameter>& parameters) {
  std::vector<Share> shares;
  for (size_t index = 0; index < parameters.size(); ++index) {
    const long inputs = parameters[index].inputs;
    for (long row = 0; row < inputs; row += kShareRows) {
      shares.push_back({static_cast<int>(index), row, std::min(inputs, row + kShareRows)});
    }
  }
  return shares;
}

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

}  // namespace haet
