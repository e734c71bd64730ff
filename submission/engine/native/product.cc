#include "product.h"

#include <algorithm>

namespace haet {
namespace {

// Rows of c that one inner loop computes; with three panels, 12 accumulators: enough to keep two multiply-add units with
// a latency of four cycles busy, and few enough for 16 registers.
constexpr int kRows = 4;
// Most of the depth at once: a panel group of b, 3 x 8 x 256 floats, stays in a first-level cache of 32 KiB.
constexpr int kDepth = 256;

enum class Left { kPlain, kTransposed };

template <Left left, int panels>
inline __attribute__((always_inline)) void tile(const float* a, ptrdiff_t aPanel, const float* b, ptrdiff_t bPanel,
                                                float* c, ptrdiff_t cPanel, int depth, bool adds) {
  Vector sum[kRows][panels];
#pragma GCC unroll 4
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 3
    for (int panel = 0; panel < panels; ++panel) {
      sum[row][panel] = adds ? load(c + panel * cPanel + row * kLanes) : Vector{};
    }
  }
  for (int k = 0; k < depth; k += kLanes) {
    // Not all eight: the compiler would then load far ahead, run out of registers and keep accumulators in memory.
#pragma GCC unroll 4
    for (int lane = 0; lane < kLanes; ++lane) {
      Vector right[panels];
#pragma GCC unroll 3
      for (int panel = 0; panel < panels; ++panel) {
        right[panel] = load(b + panel * bPanel + lane * kLanes);
#ifdef __AVX2__
        // Keeps it in a register: as an operand from memory it would be loaded once for every row.
        asm("" : "+x"(right[panel]));
#endif
      }
#pragma GCC unroll 4
      for (int row = 0; row < kRows; ++row) {
        const float scalar = left == Left::kPlain ? a[row * kLanes + lane] : a[lane * kLanes + row];
#pragma GCC unroll 3
        for (int panel = 0; panel < panels; ++panel) sum[row][panel] += right[panel] * scalar;
      }
    }
    a += left == Left::kPlain ? aPanel : kLanes * kLanes;
    b += kLanes * kLanes;
  }
#pragma GCC unroll 4
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 3
    for (int panel = 0; panel < panels; ++panel) store(c + panel * cPanel + row * kLanes, sum[row][panel]);
  }
}

// Calls with 3 panels as often as can be, and else 2 rather than 1, which would leave the units idle.
template <typename Body>
inline void panelGroups(int panels, const Body& body) {
  int panel = 0;
  while (panels - panel >= 3 && panels - panel != 4) body(panel, 3), panel += 3;
  while (panels - panel >= 2) body(panel, 2), panel += 2;
  if (panel < panels) body(panel, 1);
}

template <Left left>
inline void tileOf(int panels, const float* a, ptrdiff_t aPanel, const float* b, ptrdiff_t bPanel, float* c,
                   ptrdiff_t cPanel, int depth, bool adds) {
  if (panels == 3) tile<left, 3>(a, aPanel, b, bPanel, c, cPanel, depth, adds);
  else if (panels == 2) tile<left, 2>(a, aPanel, b, bPanel, c, cPanel, depth, adds);
  else tile<left, 1>(a, aPanel, b, bPanel, c, cPanel, depth, adds);
}

}  // namespace

void product(const float* a, int aRows, const float* b, float* c, int cRows, int rows, int depth, int columns) {
  const ptrdiff_t aPanel = aRows * kLanes, bPanel = depth * kLanes, cPanel = cRows * kLanes;
  for (int from = 0; from < depth; from += kDepth) {
    const int most = std::min(kDepth, depth - from);
    panelGroups(columns / kLanes, [&](int panel, int panels) {
      for (int row = 0; row < rows; row += kRows) {
        tileOf<Left::kPlain>(panels, a + from / kLanes * aPanel + row * kLanes, aPanel,
                             b + panel * bPanel + from * kLanes, bPanel, c + panel * cPanel + row * kLanes, cPanel, most,
                             from > 0);
      }
    });
  }
}

void transposedProduct(const float* a, const float* b, int laidOut, int depth, float* c, int rows, int columns,
                       bool adds) {
  const ptrdiff_t inPanel = laidOut * kLanes, cPanel = rows * kLanes;
  for (int from = 0; from < depth; from += kDepth) {
    const int most = std::min(kDepth, depth - from);
    panelGroups(columns / kLanes, [&](int panel, int panels) {
      for (int row = 0; row < rows; row += kRows) {
        tileOf<Left::kTransposed>(panels, a + row / kLanes * inPanel + row % kLanes + from * kLanes, inPanel,
                                  b + panel * inPanel + from * kLanes, inPanel, c + panel * cPanel + row * kLanes, cPanel,
                                  most, adds || from > 0);
      }
    });
  }
}

}  // namespace haet
