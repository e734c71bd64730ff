#include "kernels/product.h"

#include <algorithm>
#include <type_traits>

namespace haet {
namespace {

// Largest depth per pass: a group of three panels of b, 24 KiB (48 KiB with 16 lanes), stays in the first or the second
// level of the cache.
constexpr int kDepth = 256 * kInterleaved;

enum class Left { kPlain, kTransposed };

template <Left left, int rows, int panels>
inline __attribute__((always_inline)) void tile(const Operand* a, ptrdiff_t aPanel, const Operand* b, ptrdiff_t bPanel,
                                                float* c, ptrdiff_t cPanel, int depth, bool adds) {
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
    for (int lane = 0; lane < kLanes; lane += kInterleaved) {
      Vector right[panels];
#pragma GCC unroll 3
      for (int panel = 0; panel < panels; ++panel) right[panel] = loadOperands(b + panel * bPanel + lane * kLanes);
#pragma GCC unroll 8
      for (int row = 0; row < rows; ++row) {
        const Operand* both = left == Left::kPlain
                                  ? a + row * kLanes + lane
                                  : a + row / kLanes * aPanel + lane * kLanes + row % kLanes * kInterleaved;
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

}  // namespace

void product(const Operand* a, const Operand* b, float* c, int rows, int depth, int columns) {
  constexpr ptrdiff_t kPanel = kRowGroup * kLanes;
  const ptrdiff_t bPanel = depth * kLanes;
  for (int from = 0; from < depth; from += kDepth) {
    const int most = std::min(kDepth, depth - from);
    inGroupsOf<3>(columns / kLanes, [&](int panel, auto panels) {
      for (int row = 0; row < rows; row += kRowGroup) {
        tile<Left::kPlain, kRowGroup, panels>(a + row * depth + from * kRowGroup, kPanel,
                                              b + panel * bPanel + from * kLanes, bPanel,
                                              c + row * columns + panel * kPanel, kPanel, most, from > 0);
      }
    });
  }
}

void transposedProduct(const Operand* a, const Operand* b, int laidOut, int depth, float* c, int rows, int columns,
                       bool adds) {
  const ptrdiff_t inPanel = laidOut * kLanes, cPanel = rows * kLanes;
  for (int from = 0; from < depth; from += kDepth) {
    const int most = std::min(kDepth, depth - from);
    inGroupsOf<3>(columns / kLanes, [&](int panel, auto panels) {
      const auto group = [&](int row, auto size) {
        tile<Left::kTransposed, size, panels>(a + row / kLanes * inPanel + row % kLanes * kInterleaved + from * kLanes,
                                              inPanel, b + panel * inPanel + from * kLanes, inPanel,
                                              c + panel * cPanel + row * kLanes, cPanel, most, adds || from > 0);
      };
      int row = 0;
      for (; row + kRowGroup <= rows; row += kRowGroup) group(row, std::integral_constant<int, kRowGroup>{});
      // Groups of more rows than a panel has columns can leave one panel.
      static_assert(kRowGroup <= kLanes || kRowGroup == 2 * kLanes);
      if constexpr (kRowGroup > kLanes) {
        if (row < rows) group(row, std::integral_constant<int, kLanes>{});
      }
    });
  }
}

}  // namespace haet
