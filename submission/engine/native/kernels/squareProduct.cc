#include "kernels/squareProduct.h"

#include <algorithm>
#include <type_traits>

#include "kernels/productTile.h"
#include "runtime/threadPool.h"

namespace haet {
namespace {

// Rows of a band: few, because all blocks of a band that are left of the diagonal are saved.
constexpr int kBandRows = kLanes < 16 ? 4 * kLanes : 2 * kLanes;
// Largest depth per pass: three panels of b stay in the first or the second level of the cache.
constexpr int kDepth = 256;

// The rows first..end-1 of one product, from a panel of columns on: the one on the diagonal if the rest is copied.
struct Band {
  const SquareProduct& product;
  int first, end, firstPanel;
};

// Adds a part of the depth, or starts with it.
void multiplyPart(const Band& band, int from, int depth, bool adds) {
  const auto& [size, laidOut, a, b, scale, addend, addendScale, c, symmetric] = band.product;
  const ptrdiff_t inPanel = static_cast<ptrdiff_t>(laidOut) * kLanes, cPanel = static_cast<ptrdiff_t>(size) * kLanes;
  const float *left = a + from * kLanes, *right = b + from * kLanes;
  inGroupsOf<3>(size / kLanes - band.firstPanel, [&, c = c](int group, auto panels) {
    const int panel = band.firstPanel + group;
    const auto rows = [&](int row, auto count) {
      tile<Left::kTransposed, count, panels>(left + row / kLanes * inPanel + row % kLanes, inPanel,
                                             right + panel * inPanel, inPanel, c + panel * cPanel + row * kLanes,
                                             cPanel, depth, adds);
    };
    int row = band.first;
    for (; row + kRowGroup <= band.end; row += kRowGroup) rows(row, std::integral_constant<int, kRowGroup>{});
    // Groups of more rows than a panel has columns can leave one panel.
    if constexpr (kRowGroup > kLanes) {
      if (row < band.end) rows(row, std::integral_constant<int, kLanes>{});
    }
  });
}

void scaleAndAdd(const Band& band) {
  const SquareProduct& p = band.product;
  for (int panel = band.firstPanel; panel < p.size / kLanes; ++panel) {
    const ptrdiff_t start = static_cast<ptrdiff_t>(panel) * p.size * kLanes;
    for (ptrdiff_t at = start + band.first * kLanes; at < start + band.end * kLanes; at += kLanes) {
      Vector values = p.scale * load(p.c + at);
      if (p.addend != nullptr) values += p.addendScale * load(p.addend + at);
      store(p.c + at, values);
    }
  }
}

// Copies what is above the diagonal to its place below.
void mirror(const Band& band) {
  const SquareProduct& p = band.product;
  const ptrdiff_t inPanel = static_cast<ptrdiff_t>(p.size) * kLanes;
  const auto blockAt = [&](int rows, int panel) { return p.c + panel * inPanel + rows * kLanes * kLanes; };
  for (int rows = band.first / kLanes; rows < band.end / kLanes; ++rows) {
    float* diagonal = blockAt(rows, rows);
    for (int row = 1; row < kLanes; ++row) {
      for (int lane = 0; lane < row; ++lane) diagonal[row * kLanes + lane] = diagonal[lane * kLanes + row];
    }
    for (int panel = rows + 1; panel < p.size / kLanes; ++panel) {
      Vector block[kLanes];
      const float* from = blockAt(rows, panel);
      for (int row = 0; row < kLanes; ++row) block[row] = load(from + row * kLanes);
      transpose(block);
      float* to = blockAt(panel, rows);
      for (int row = 0; row < kLanes; ++row) store(to + row * kLanes, block[row]);
    }
  }
}

}  // namespace

void multiply(const std::vector<SquareProduct>& products) {
  std::vector<Band> bands;
  for (const SquareProduct& product : products) {
    for (int row = 0; row < product.size; row += kBandRows) {
      bands.push_back({product, row, std::min(product.size, row + kBandRows), product.symmetric ? row / kLanes : 0});
    }
  }
  parallelFor(static_cast<int>(bands.size()), [&](int index) {
    const Band& band = bands[index];
    for (int from = 0; from < band.product.depth; from += kDepth) {
      multiplyPart(band, from, std::min(kDepth, band.product.depth - from), from > 0);
    }
    scaleAndAdd(band);
    if (band.product.symmetric) mirror(band);
  });
}

}  // namespace haet
