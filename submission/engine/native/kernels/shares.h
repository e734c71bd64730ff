// The rows of weight tensors in shares, which the threads process in one parallel loop: one loop per tensor would
// synchronise threads for every small tensor. And the mean gradient of every unit.
#pragma once

#include <vector>

#include "kernels/sgd.h"

namespace haet {

// Some rows of one tensor. A tensor is cut at multiples of kShareRows.
struct Share {
  int parameter;
  long first, end;  // rows
};

constexpr long kShareRows = 64;

std::vector<Share> sharesOf(const std::vector<Parameter>& parameters);

// Returns the mean gradient of every unit, tensor by tensor; zeros for a tensor that is not centralized. The sums of
// shares are added in a fixed order.
std::vector<std::vector<float>> meansOf(const std::vector<Parameter>& parameters, const std::vector<Share>& shares);

}  // namespace haet
