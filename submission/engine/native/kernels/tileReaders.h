// Reads tiles of images, or of the gradient to pooled values, and transforms them to points.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/panels.h"
#include "kernels/pool.h"
#include "kernels/tiles.h"
#include "kernels/winograd.h"

namespace haet {

// Reads tiles of images.
class Plain {
 public:
  // `zeros`: a row of zeros.
  Plain(const Panels& shape, const float* images, const float* zeros) : shape_(shape), images_(images), zeros_(zeros) {}

  void fetch(const Place& place, int panel) const {
    fetchTile(images_ + cornerOf(shape_, place, panel), shape_.rowSize(), shape_.height - place.row);
  }

  // The window of a tile, `edge` by `edge` pixels, starting `margin` pixels before the tile. Rows outside the image are
  // zero.
  template <int edge, int margin>
  class Window {
   public:
    Window(const Plain& plain, const Place& place, int panel) {
      const Panels& shape = plain.shape_;
      const float* plane = plain.images_ + shape.plane(place.image, panel);
      for (int down = 0; down < edge; ++down) {
        const int row = place.row - margin + down;
        rows_[down] = row >= 0 && row < shape.height ? plane + row * shape.rowSize() : plain.zeros_;
      }
    }

    // Reads column `across` of the window, which is column `column` of the image.
    void read(int, int column, Vector (&values)[edge]) const {
#pragma GCC unroll 6
      for (int down = 0; down < edge; ++down)
        values[down] = load(rows_[down] + static_cast<ptrdiff_t>(column) * kLanes);
    }

   private:
    const float* rows_[edge];
  };

 private:
  Panels shape_;
  const float* images_;
  const float* zeros_;
};

// Reads tiles of the gradient of images, given that of pooled values: the gradient at the maximum of each pooling
// window, zero elsewhere.
class Spread {
 public:
  // `shape`: of the pooled values
  Spread(const Panels& shape, const Gradient& gradient, const float* zeros)
      : shape_(shape), gradient_(gradient), zeros_(zeros) {}

  void fetch(const Place& place, int panel) const {
    const ptrdiff_t corner = pooledCornerOf(shape_, place, panel);
    fetchPooledTile(gradient_.values + corner, gradient_.choice + corner, shape_.rowSize(),
                    shape_.height - place.row / 2);
  }

  template <int edge, int margin>
  class Window {
   public:
    Window(const Spread& spread, const Place& place, int panel) {
      const Panels& shape = spread.shape_;
      const ptrdiff_t plane = shape.plane(place.image, panel);
      for (int pair = 0; pair < kPairs; ++pair) {
        const int row = place.row / 2 - margin + pair;
        const bool isRow = row >= 0 && row < shape.height;
        const ptrdiff_t at = plane + row * shape.rowSize();
        values_[pair] = isRow ? spread.gradient_.values + at : spread.zeros_;
        choices_[pair] = isRow ? spread.gradient_.choice + at : reinterpret_cast<const uint8_t*>(spread.zeros_);
      }
    }

    // A pooled value covers two rows of the column. Which two is known, because tiles start at even rows and columns.
    void read(int across, int column, Vector (&values)[edge]) const {
      const ptrdiff_t at = static_cast<ptrdiff_t>(column / 2) * kLanes;
      const int right = (across + margin) % 2;
#pragma GCC unroll 4
      for (int pair = 0; pair < kPairs; ++pair) {
        const Vector value = load(values_[pair] + at);
        const Integers choice = loadBytes(choices_[pair] + at);
        const int upper = 2 * pair - margin, lower = upper + 1;
        if (upper >= 0) values[upper] = choice == right ? value : Vector{};
        if (lower < edge) values[lower] = choice == 2 + right ? value : Vector{};
      }
    }

   private:
    static constexpr int kPairs = edge / 2 + margin;
    const float* values_[kPairs];
    const uint8_t* choices_[kPairs];
  };

 private:
  Panels shape_;
  Gradient gradient_;
  const float* zeros_;
};

// Transforms tiles first..first+count-1 of images to points, from row `row` on, `together` rows interleaved. Pixels
// outside an image are zero.
template <int edge, int margin, Transform transform, int together, typename Images>
void toPoints(const Tiles& tiles, const Images& images, int first, int count, Operand* points, const Points& layout,
              int row) {
  RowsOfPoints<together> rows(points, layout);
  Place places[kMostTiles];
  tiles.places(first, count, places);
  const auto take = [&](int panel, int tile) __attribute__((always_inline)) {
    const Place& place = places[tile];
    const typename Images::template Window<edge, margin> window(images, place, panel);
    Vector half[kWindow * edge];
#pragma GCC unroll 6
    for (int across = 0; across < edge; ++across) {
      const int column = place.column - margin + across;
      Vector values[edge] = {};
      if (tiles.isColumn(column)) window.read(across, column, values);
      transform(values, 1, half + across, edge);
    }
    inMemory(half);
    rows.begin(row + tile, panel);
    Operand* to = rows.firstLine();
#pragma GCC unroll 6
    for (int down = 0; down < kWindow; ++down) {
      Vector values[kWindow];
      transform(half + down * edge, 1, values, 1);
      to = rows.putLine(to, down, values);
    }
    if (tile + 1 == count) rows.end();
  };
  withAhead(layout.panels(), count, take, [&](int panel, int tile) { images.fetch(places[tile], panel); });
}

}  // namespace haet
