// Products of matrices with a small square result, for the optimizer: float32 in every variant.
#pragma once

#include <cstddef>
#include <vector>

namespace haet {

// c = scale transposed(a) b + addendScale addend. a and b are [depth, size], c and addend [size, size], all in panels
// of kLanes columns: element (row, column) is at [column / kLanes][row][column % kLanes]. depth and size are multiples
// of kLanes. c must be none of the others.
struct SquareProduct {
  int size, depth;
  const float *a, *b;
  float scale;
  const float* addend;  // or null
  float addendScale;
  float* c;
  // Whether c is symmetric but for rounding errors: then what is below the diagonal is copied from above it.
  bool symmetric;
};

// Computes all products with all threads.
void multiply(const std::vector<SquareProduct>& products);

}  // namespace haet
