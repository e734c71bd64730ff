#include "kernels/product.h"

#include <algorithm>

namespace haet {
namespace {

constexpr int kRows = kRowGroup;
// Largest depth per pass: a group of three panels of b, 24 KiB (48 KiB with 16 lanes), stays in the first or the second
// level of the cache.
constexpr int kDepth = 256;

enum class Left { kPlain, kTransposed };

template <Left left, int panels>
inline __attribute__((always_inline)) void tile(const float* a, ptrdiff_t aPanel, const float* b, ptrdiff_t bPanel,
                                                float* c, ptrdiff_t cPanel, int depth, bool adds) {
  Vector sum[kRows][panels];
#pragma GCC unroll 8
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 3
    for (int panel = 0; panel < panels; ++panel) {
      sum[row][panel] = adds ? load(c + panel * cPanel + row * kLanes) : Vector{};
    }
  }
  for (int k = 0; k < depth; k += kLanes) {
    // Unrolled eight times, the compiler loads far ahead, runs out of registers and keeps accumulators in memory.
#pragma GCC unroll 4
    for (int lane = 0; lane < kLanes; ++lane) {
      Vector right[panels];
#pragma GCC unroll 3
      for (int panel = 0; panel < panels; ++panel) right[panel] = loadToRegister(b + panel * bPanel + lane * kLanes);
#pragma GCC unroll 8
      for (int row = 0; row < kRows; ++row) {
        const float scalar = left == Left::kPlain ? a[row * kLanes + lane] : a[lane * kLanes + row];
#pragma GCC unroll 3
        for (int panel = 0; panel < panels; ++panel) sum[row][panel] += right[panel] * scalar;
      }
    }
    a += left == Left::kPlain ? aPanel : kLanes * kLanes;
    b += kLanes * kLanes;
  }
#pragma GCC unroll 8
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 3
    for (int panel = 0; panel < panels; ++panel) store(c + panel * cPanel + row * kLanes, sum[row][panel]);
  }
}

}  // namespace

void product(const float* a, const float* b, float* c, int rows, int depth, int columns) {
  constexpr ptrdiff_t kPanel = kRows * kLanes;
  const ptrdiff_t bPanel = depth * kLanes;
  for (int from = 0; from < depth; from += kDepth) {
    const int most = std::min(kDepth, depth - from);
    inGroupsOf<3>(columns / kLanes, [&](int panel, auto panels) {
      for (int row = 0; row < rows; row += kRows) {
        tile<Left::kPlain, panels>(a + row * depth + from * kRows, kPanel, b + panel * bPanel + from * kLanes, bPanel,
                                   c + row * columns + panel * kPanel, kPanel, most, from > 0);
      }
    });
  }
}

void transposedProduct(const float* a, const float* b, int laidOut, int depth, float* c, int rows, int columns,
                       bool adds) {
  const ptrdiff_t inPanel = laidOut * kLanes, cPanel = rows * kLanes;
  for (int from = 0; from < depth; from += kDepth) {
    const int most = std::min(kDepth, depth - from);
    inGroupsOf<3>(columns / kLanes, [&](int panel, auto panels) {
      for (int row = 0; row < rows; row += kRows) {
        tile<Left::kTransposed, panels>(a + row / kLanes * inPanel + row % kLanes + from * kLanes, inPanel,
                                        b + panel * inPanel + from * kLanes, inPanel, c + panel * cPanel + row * kLanes,
                                        cPanel, most, adds || from > 0);
      }
    });
  }
}

}  // namespace haet
