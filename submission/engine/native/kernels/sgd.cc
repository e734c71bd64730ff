#include "kernels/sgd.h"

#include "kernels/shares.h"
#include "runtime/threadPool.h"

namespace haet {

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
