// Exponential averages.
#pragma once

#include <vector>

namespace haet {

// A tensor of averages, and its new values.
struct Averaged {
  long count;  // of values
  const float *average, *latest;
  float* averaged;
};

// averaged = decay average + (1 - decay) latest, for every tensor.
void average(const std::vector<Averaged>& tensors, float decay);

}  // namespace haet
