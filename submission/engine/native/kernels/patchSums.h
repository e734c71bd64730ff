// Sums over the 3x3 patches of images (NHWC), which are zero outside. A patch has 9 `in` values, called taps, in the
// order of a filter [3, 3, in].
#pragma once

#include <vector>

#include "kernels/convolution.h"

namespace haet {

struct PatchSums {
  std::vector<double> sums;      // of every tap, [9 in]
  std::vector<double> products;  // of every pair of taps, [9 in, 9 in]
};

// Returns the sums over all pixels of all images.
PatchSums patchSums(const Convolution& shape, const float* images);

}  // namespace haet
