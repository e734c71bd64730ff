// The tiles that images are cut into for winograd.h, and their way to points and back.
#pragma once

#include <cstddef>

#include "winograd.h"

namespace haet {

// The tiles of a batch, in the order of the images, and within an image row by row.
class Tiles {
 public:
  Tiles(int batch, int height, int width)
      : height_(height), width_(width), down_((height + kTile - 1) / kTile), across_((width + kTile - 1) / kTile),
        count_(batch * down_ * across_) {}

  int count() const { return count_; }

  // The image of a tile, and its first row and column there.
  struct Place {
    int image, row, column;
  };
  Place place(int tile) const {
    const int inImage = tile % (down_ * across_);
    return {tile / (down_ * across_), inImage / across_ * kTile, inImage % across_ * kTile};
  }
  Place next(Place place) const {
    place.column += kTile;
    if (place.column < width_) return place;
    place.column = 0;
    place.row += kTile;
    if (place.row < height_) return place;
    return {place.image + 1, 0, 0};
  }

  bool isRow(int row) const { return row >= 0 && row < height_; }
  bool isColumn(int column) const { return column >= 0 && column < width_; }
  bool isWhole(const Place& place) const { return place.row + kTile <= height_ && place.column + kTile <= width_; }

  ptrdiff_t rowSize(int channels) const { return static_cast<ptrdiff_t>(width_) * channels; }
  ptrdiff_t imageSize(int channels) const { return height_ * rowSize(channels); }

 private:
  int height_, width_, down_, across_, count_;
};

// How the values of `rows` tiles lie: for every point a matrix [rows, channels], in panels of eight channels and groups
// of rows (product.h).
struct Points {
  int rows, channels, group;

  // Between the matrices of two points: without it they lie a power of two apart, and their writes fall into one set of
  // the cache.
  static constexpr int kGap = 16;

  int panels() const { return channels / kLanes; }
  // Floats from the matrix of one point to that of the next.
  ptrdiff_t stride() const { return static_cast<ptrdiff_t>(rows) * channels + kGap; }
  size_t floats() const { return kPoints * stride(); }
  // Where a row's part of a panel begins.
  ptrdiff_t at(int row, int panel) const {
    return ((static_cast<ptrdiff_t>(row / group) * panels() + panel) * group + row % group) * kLanes;
  }
};

// Transforms tiles first..first+count-1 of images to rows from `row` on. `margin`: how far the square of a tile begins
// before it. What lies outside of an image is zero: `zeros` is a row of zeros.
template <int edge, int margin, Transform transform>
void toPoints(const Tiles& tiles, const float* images, const float* zeros, int first, int count, float* points,
              const Points& layout, int row) {
  const int channels = layout.channels;
  const ptrdiff_t stride = layout.stride(), rowSize = tiles.rowSize(channels);
  for (int panel = 0; panel < layout.panels(); ++panel) {
    auto place = tiles.place(first);
    for (int tile = 0; tile < count; ++tile, place = tiles.next(place)) {
      const float* image = images + place.image * tiles.imageSize(channels);
      const float* rows[edge];
      for (int down = 0; down < edge; ++down) {
        const int at = place.row - margin + down;
        rows[down] = (tiles.isRow(at) ? image + at * rowSize : zeros) + panel * kLanes;
      }
      Vector half[kWindow * edge];
#pragma GCC unroll 6
      for (int across = 0; across < edge; ++across) {
        const int column = place.column - margin + across;
        Vector values[edge] = {};
        if (tiles.isColumn(column)) {
#pragma GCC unroll 6
          for (int down = 0; down < edge; ++down) {
            values[down] = load(rows[down] + static_cast<ptrdiff_t>(column) * channels);
          }
        }
        transform(values, 1, half + across, edge);
      }
      inMemory(half);
      float* to = points + layout.at(row + tile, panel);
#pragma GCC unroll 6
      for (int down = 0; down < kWindow; ++down, to += kWindow * stride) {
        Vector values[kWindow];
        transform(half + down * edge, 1, values, 1);
#pragma GCC unroll 6
        for (int across = 0; across < kWindow; ++across) store(to + across * stride, values[across]);
      }
    }
  }
}

// The other way: rows from `row` on to tiles first..first+count-1 of images.
inline void fromPoints(const Tiles& tiles, const float* points, const Points& layout, int row, int first, int count,
                       float* images) {
  const int channels = layout.channels;
  const ptrdiff_t stride = layout.stride(), rowSize = tiles.rowSize(channels);
  for (int panel = 0; panel < layout.panels(); ++panel) {
    auto place = tiles.place(first);
    for (int tile = 0; tile < count; ++tile, place = tiles.next(place)) {
      float* corner = images + place.image * tiles.imageSize(channels) + place.row * rowSize +
                      static_cast<ptrdiff_t>(place.column) * channels + panel * kLanes;
      const float* from = points + layout.at(row + tile, panel);
      const bool isWhole = tiles.isWhole(place);
      square<kWindow, kTile, pointsToOutput>(
          [&](int down, int across) { return load(from + (down * kWindow + across) * stride); },
          [&](int down, int across, const Vector& value) {
            if (!isWhole && !(tiles.isRow(place.row + down) && tiles.isColumn(place.column + across))) return;
            store(corner + down * rowSize + across * channels, value);
          });
    }
  }
}

inline void zeroRows(float* points, const Points& layout, int from, int to) {
  for (int point = 0; point < kPoints; ++point) {
    for (int row = from; row < to; ++row) {
      for (int panel = 0; panel < layout.panels(); ++panel) {
        store(points + point * layout.stride() + layout.at(row, panel), Vector{});
      }
    }
  }
}

}  // namespace haet
