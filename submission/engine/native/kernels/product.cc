#include "kernels/product.h"

#include <algorithm>
#include <type_traits>

#include "kernels/productTile.h"

namespace haet {
namespace {

// Largest depth per pass: a group of three panels of b, 24 KiB (48 KiB with 16 lanes), stays in the first or the second
// level of the cache.
constexpr int kDepth = 256 * kInterleaved;

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
