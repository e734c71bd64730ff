// The update of one tensor of weights.
#pragma once

namespace haet {

struct Sgd {
  float rate, momentum, decay;
};

// SGD with Nesterov's momentum in PyTorch's form (Sutskever et al. 2013) for a tensor [inputs, units]; centralized, every
// unit's mean over its inputs is first taken from the gradient (gradient centralization, Yong et al. 2020).
//
//   d = gradient - mean + decay weight;  v' = momentum v + d;  weight' = weight - rate (d + momentum v')
void sgd(const Sgd& options, long inputs, int units, bool centralized, const float* weight, const float* velocity,
         const float* gradient, float* newWeight, float* newVelocity);

}  // namespace haet
