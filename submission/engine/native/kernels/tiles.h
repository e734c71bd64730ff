// The tiles that images are cut into for winograd.h, and the layout of their points. tileReaders.h reads images into
// points, tileWriters.h writes points back to images.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/panels.h"
#include "kernels/winograd.h"
#include "runtime/operand.h"

namespace haet {

// A tile's image, and its first row and column there.
struct Place {
  int image, row, column;
};

// The tiles of a batch, in the order of the images, and within an image row by row.
class Tiles {
 public:
  Tiles(int batch, int height, int width)
      : height_(height),
        width_(width),
        down_((height + kTile - 1) / kTile),
        across_((width + kTile - 1) / kTile),
        count_(batch * down_ * across_) {}

  int count() const { return count_; }

  // Writes the positions of tiles first..first+count-1.
  void places(int first, int count, Place* places) const {
    const int inImage = first % (down_ * across_);
    Place place{first / (down_ * across_), inImage / across_ * kTile, inImage % across_ * kTile};
    for (int tile = 0; tile < count; ++tile) {
      places[tile] = place;
      place.column += kTile;
      if (place.column < width_) continue;
      place.column = 0;
      place.row += kTile;
      if (place.row < height_) continue;
      place = {place.image + 1, 0, 0};
    }
  }

  bool isColumn(int column) const { return column >= 0 && column < width_; }

 private:
  int height_, width_, down_, across_, count_;
};

// Tiles per part of the sums for the batch norm; blocks and shares are multiples of it.
constexpr int kTilesOfSum = 4;

// Maximum tiles per call of `toPoints` or `fromPoints`.
constexpr int kMostTiles = 64;

// The layout of the points of `rows` tiles: for every point a matrix [rows, channels], in panels of kLanes channels and
// groups of rows (product.h).
template <typename Number>
struct PointsOf {
  int rows, channels, group;

  // Gap between the matrices of two points, a line: without it, matrices a power of two apart map to one cache set.
  static constexpr int kGap = kLineFloats * sizeof(float) / sizeof(Number);

  int panels() const { return channels / kLanes; }
  // Numbers from the matrix of one point to that of the next.
  ptrdiff_t stride() const { return static_cast<ptrdiff_t>(rows) * channels + kGap; }
  // The memory of all points.
  size_t floats() const { return kPoints * stride() * sizeof(Number) / sizeof(float); }
  Number* in(float* memory) const { return reinterpret_cast<Number*>(memory); }
  // The start of a row in a panel.
  ptrdiff_t at(int row, int panel) const {
    return ((static_cast<ptrdiff_t>(row / group) * panels() + panel) * group + row % group) * kLanes;
  }
};

using Points = PointsOf<Operand>;
using Products = PointsOf<float>;

// Stores the points of tiles or filters, which are rows of the matrices, one row after the other and `together` of them
// interleaved.
template <int together>
class RowsOfPoints {
 public:
  RowsOfPoints(Operand* points, const Points& layout) : points_(points), layout_(layout), stride_(layout.stride()) {}

  // Starts a row. The first row is a multiple of `together`.
  void begin(int row, int panel) {
    to_ = points_ + layout_.at(row / together * together, panel);
    isFirst_ = row % together == 0;
  }
  void put(int point, const Vector& value) { put(to_ + point * stride_, point, value); }
  // Puts the points of a line of the window to the place that firstLine, or the last call, returned.
  Operand* putLine(Operand* to, int line, const Vector (&values)[kWindow]) {
#pragma GCC unroll 6
    for (int across = 0; across < kWindow; ++across)
      put(to + across * stride_, line * kWindow + across, values[across]);
    return to + kWindow * stride_;
  }
  Operand* firstLine() const { return to_; }
  // Interleaves the last row with zeros if it is the first of its group.
  void end() {
    if constexpr (together > 1) {
      if (!isFirst_) return;
      for (int point = 0; point < kPoints; ++point) storeInterleaved(to_ + point * stride_, first_[point], Vector{});
    }
  }

 private:
  void put(Operand* to, int point, const Vector& value) {
    if constexpr (together == 1) {
      store(to, value);
    } else if (isFirst_) {
      first_[point] = value;
    } else {
      storeInterleaved(to, first_[point], value);
    }
  }

  Operand* points_;
  Points layout_;
  ptrdiff_t stride_;
  Operand* to_ = nullptr;
  bool isFirst_ = true;
  Vector first_[together == 1 ? 1 : kPoints];
};

// Calls body(panel, tile) for all panels and tiles, and ahead(panel, tile) kAhead calls earlier, to prefetch the tile:
// its memory runs are too short for the hardware prefetcher. Four calls ahead were as fast as eight.
constexpr int kAhead = 8;
template <typename Body, typename Ahead>
inline __attribute__((always_inline)) void withAhead(int panels, int tiles, const Body& body, const Ahead& ahead) {
  int panelAhead = 0, tileAhead = 0;
  const auto oneAhead = [&] {
    if (panelAhead == panels) return;
    ahead(panelAhead, tileAhead);
    if (++tileAhead == tiles) ++panelAhead, tileAhead = 0;
  };
  for (int call = 0; call < kAhead; ++call) oneAhead();
  for (int panel = 0; panel < panels; ++panel) {
    for (int tile = 0; tile < tiles; ++tile) {
      oneAhead();
      body(panel, tile);
    }
  }
}

// Prefetches the pixels of a tile that has `rows` rows in the image. The border of its window belongs to other tiles.
inline void fetchTile(const float* corner, ptrdiff_t rowSize, int rows) {
  for (int down = 0; down < std::min(rows, kTile); ++down, corner += rowSize) {
    for (int at = 0; at < kTile * kLanes; at += kLineFloats) prefetch(corner + at);
  }
}

// Prefetches a tile of pooled values and their choices, which fill at most one line per row.
inline void fetchPooledTile(const float* values, const uint8_t* choice, ptrdiff_t rowSize, int rows) {
  for (int down = 0; down < std::min(rows, kTile / 2); ++down, values += rowSize, choice += rowSize) {
    for (int at = 0; at < kTile / 2 * kLanes; at += kLineFloats) prefetch(values + at);
    prefetch(choice);
  }
}

// The start of a tile of images, or of pooled images.
inline ptrdiff_t cornerOf(const Panels& shape, const Place& place, int panel) {
  return shape.plane(place.image, panel) + place.row * shape.rowSize() + static_cast<ptrdiff_t>(place.column) * kLanes;
}
inline ptrdiff_t pooledCornerOf(const Panels& shape, const Place& place, int panel) {
  return cornerOf(shape, {place.image, place.row / 2, place.column / 2}, panel);
}

// `from`: a multiple of kInterleaved if rows are interleaved
inline void zeroRows(Operand* points, const Points& layout, int from, int to) {
  for (int point = 0; point < kPoints; ++point) {
    for (int row = from; row < to; ++row) {
      for (int panel = 0; panel < layout.panels(); ++panel) {
        store(points + point * layout.stride() + layout.at(row, panel), Vector{});
      }
    }
  }
}

}  // namespace haet
