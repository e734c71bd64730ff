// The inner loop of all matrix products: some rows by some panels of columns, summed in registers.
#pragma once

#include "runtime/operand.h"

namespace haet {

// Whether the left matrix is [rows, depth], in groups of rows, or transposed: [depth, rows], in panels of its columns.
enum class Left { kPlain, kTransposed };

// c [rows, panels * kLanes] = a b, or c += with `adds`. The pointers are to the first element of the tile; `...Panel`
// is the distance to the next kLanes columns of a matrix. depth is a multiple of kLanes.
template <Left left, int rows, int panels, typename Number>
inline __attribute__((always_inline)) void tile(const Number* a, ptrdiff_t aPanel, const Number* b, ptrdiff_t bPanel,
                                                float* c, ptrdiff_t cPanel, int depth, bool adds) {
  constexpr int interleaved = kInterleavedOf<Number>;
  Vector sum[rows][panels];
#pragma GCC unroll 8
  for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 3
    for (int panel = 0; panel < panels; ++panel) {
      sum[row][panel] = adds ? load(c + panel * cPanel + row * kLanes) : Vector{};
    }
  }
  for (int k = 0; k < depth; k += kLanes) {
    // Unrolled eight times, the compiler loads far ahead, runs out of registers and keeps accumulators in memory.
#pragma GCC unroll 4
    for (int lane = 0; lane < kLanes; lane += interleaved) {
      Vector right[panels];
#pragma GCC unroll 3
      for (int panel = 0; panel < panels; ++panel) right[panel] = loadOperands(b + panel * bPanel + lane * kLanes);
#pragma GCC unroll 8
      for (int row = 0; row < rows; ++row) {
        const Number* both = left == Left::kPlain
                                 ? a + row * kLanes + lane
                                 : a + row / kLanes * aPanel + lane * kLanes + row % kLanes * interleaved;
#pragma GCC unroll 3
        for (int panel = 0; panel < panels; ++panel) {
          sum[row][panel] = addProducts(sum[row][panel], right[panel], both);
        }
      }
    }
    a += left == Left::kPlain ? aPanel : kLanes * kLanes;
    b += kLanes * kLanes;
  }
#pragma GCC unroll 8
  for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 3
    for (int panel = 0; panel < panels; ++panel) store(c + panel * cPanel + row * kLanes, sum[row][panel]);
  }
}

}  // namespace haet
