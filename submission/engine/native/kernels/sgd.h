// The update of the weights.
#pragma once

#include <vector>

namespace haet {

// One weight tensor [inputs, units] and its update.
struct Parameter {
  long inputs;
  int units;
  bool centralizes;
  float rate, momentum, decay;
  const float *weight, *velocity, *gradient;
  float *newWeight, *newVelocity;
};

// SGD with Nesterov's momentum in PyTorch's form (Sutskever et al. 2013) for all tensors. With `centralizes`, each
// unit's mean over its inputs is first subtracted from the gradient (gradient centralization, Yong et al. 2020).
//
//   d = gradient - mean + decay weight;  v' = momentum v + d;  weight' = weight - rate (d + momentum v')
void sgd(const std::vector<Parameter>& parameters);

}  // namespace haet
