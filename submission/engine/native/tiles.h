// The tiles that images are cut into for winograd.h, and their way to points and back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "panels.h"
#include "partialSums.h"
#include "pool.h"
#include "winograd.h"

namespace haet {

// A tile's image, and its first row and column there.
struct Place {
  int image, row, column;
};

// The tiles of a batch, in the order of the images, and within an image row by row.
class Tiles {
 public:
  Tiles(int batch, int height, int width)
      : height_(height), width_(width), down_((height + kTile - 1) / kTile), across_((width + kTile - 1) / kTile),
        count_(batch * down_ * across_) {}

  int count() const { return count_; }

  // Writes where tiles first..first+count-1 are.
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

// Tiles whose values a sum for the batch norm takes at once; blocks and shares are multiples of it.
constexpr int kTilesOfSum = 4;

// Most tiles that go to points or back in one call.
constexpr int kMostTiles = 64;

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

// Calls body(panel, tile) for all panels and tiles, and ahead(panel, tile) kAhead calls before that, so that a tile can be
// fetched: it is a few short runs of memory, too short for the CPU to foresee the next. Four calls did as well as eight.
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

// Fetches a tile's own pixels, of which the image has `rows` rows; what a window has around them belongs to other tiles.
inline void fetchTile(const float* corner, ptrdiff_t rowSize, int rows) {
  constexpr int kLine = 16;  // floats of a line of the cache: two pixels
  for (int down = 0; down < std::min(rows, kTile); ++down, corner += rowSize) {
    prefetch(corner);
    prefetch(corner + kLine);
  }
}

// The same of a tile of pooled values: a line a row, and which of its window each is.
inline void fetchPooledTile(const float* values, const uint8_t* choice, ptrdiff_t rowSize, int rows) {
  for (int down = 0; down < std::min(rows, kTile / 2); ++down, values += rowSize, choice += rowSize) {
    prefetch(values);
    prefetch(choice);
  }
}

// Where a tile of images, or of what is pooled of them, begins.
inline ptrdiff_t cornerOf(const Panels& shape, const Place& place, int panel) {
  return shape.plane(place.image, panel) + place.row * shape.rowSize() + static_cast<ptrdiff_t>(place.column) * kLanes;
}
inline ptrdiff_t pooledCornerOf(const Panels& shape, const Place& place, int panel) {
  return cornerOf(shape, {place.image, place.row / 2, place.column / 2}, panel);
}

// Images as they are, to read tiles of.
class Plain {
 public:
  // `zeros`: a row of them.
  Plain(const Panels& shape, const float* images, const float* zeros) : shape_(shape), images_(images), zeros_(zeros) {}

  void fetch(const Place& place, int panel) const {
    fetchTile(images_ + cornerOf(shape_, place, panel), shape_.rowSize(), shape_.height - place.row);
  }

  // The window of a tile, `edge` pixels an edge, which begins `margin` before it; rows outside of the image are zero.
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

    // Column `across` of the window, which is `column` of the image.
    void read(int, int column, Vector (&values)[edge]) const {
#pragma GCC unroll 6
      for (int down = 0; down < edge; ++down) values[down] = load(rows_[down] + static_cast<ptrdiff_t>(column) * kLanes);
    }

   private:
    const float* rows_[edge];
  };

 private:
  Panels shape_;
  const float* images_;
  const float* zeros_;
};

// Images that a gradient to pooled values stands for: the gradient where the largest of a window was, else zero.
class Spread {
 public:
  // `shape` of what is pooled
  Spread(const Panels& shape, const Gradient& gradient, const float* zeros)
      : shape_(shape), gradient_(gradient), zeros_(zeros) {}

  void fetch(const Place& place, int panel) const {
    const ptrdiff_t corner = pooledCornerOf(shape_, place, panel);
    fetchPooledTile(gradient_.values + corner, gradient_.choice + corner, shape_.rowSize(), shape_.height - place.row / 2);
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

    // A pooled value stands for two rows of the column. Tiles begin at even rows and columns, so it is known which.
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

// Transforms tiles first..first+count-1 of images to rows from `row` on; what lies outside of an image is zero.
template <int edge, int margin, Transform transform, typename Images>
void toPoints(const Tiles& tiles, const Images& images, int first, int count, float* points, const Points& layout,
              int row) {
  const ptrdiff_t stride = layout.stride();
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
    float* to = points + layout.at(row + tile, panel);
#pragma GCC unroll 6
    for (int down = 0; down < kWindow; ++down, to += kWindow * stride) {
      Vector values[kWindow];
      transform(half + down * edge, 1, values, 1);
#pragma GCC unroll 6
      for (int across = 0; across < kWindow; ++across) store(to + across * stride, values[across]);
    }
  };
  withAhead(layout.panels(), count, take, [&](int panel, int tile) { images.fetch(places[tile], panel); });
}

// Takes the outputs of tiles, which come in their order for every panel, and writes them as they are.
class Writer {
 public:
  Writer(const Panels& shape, float* images) : shape_(shape), images_(images) {}

  void fetch(const Place& place, int panel) const {
    fetchTile(images_ + cornerOf(shape_, place, panel), shape_.rowSize(), shape_.height - place.row);
  }

  void begin(int, const Place& place, int panel) {
    corner_ = images_ + cornerOf(shape_, place, panel);
    rows_ = std::min(kTile, shape_.height - place.row);
    columns_ = std::min(kTile, shape_.width - place.column);
  }
  void write(int down, int across, const Vector& value) {
    if (isWhole() || (down < rows_ && across < columns_)) store(corner_ + down * shape_.rowSize() + across * kLanes, value);
  }
  void end() {}

 protected:
  bool isWhole() const { return rows_ == kTile && columns_ == kTile; }

  Panels shape_;
  float* images_;
  float* corner_ = nullptr;
  int rows_ = 0, columns_ = 0;  // that the image has of the tile
};

// Sums of kTilesOfSum tiles after each other, put where they belong when the last of them has been added.
class SumsOfTiles {
 public:
  SumsOfTiles(const Tiles& tiles, PartialSums& all) : last_(tiles.count() - 1), all_(&all) {}

  // The sums to add a tile to.
  Sums& begin(int tile) {
    if (tile % kTilesOfSum == 0) sums_.count = 0;
    return sums_;
  }
  void end(int tile, int panel) {
    if (tile % kTilesOfSum == kTilesOfSum - 1 || tile == last_) all_->put(tile / kTilesOfSum, panel, sums_);
  }

 private:
  int last_;
  PartialSums* all_;
  Sums sums_;
};

// Writes outputs as they are, and sums them up for the batch norm.
class SummingWriter : public Writer {
 public:
  SummingWriter(const Tiles& tiles, const Panels& shape, float* images, PartialSums& all)
      : Writer(shape, images), sums_(tiles, all) {}

  void begin(int tile, const Place& place, int panel) {
    Writer::begin(tile, place, panel);
    tile_ = tile;
    panel_ = panel;
  }
  void write(int down, int across, const Vector& value) {
    Writer::write(down, across, value);
    values_[down * kTile + across] = value;
  }
  void end() {
    Sums& sums = sums_.begin(tile_);
    if (isWhole()) {
      sums.add(values_);
    } else {
      for (int down = 0; down < rows_; ++down) {
        for (int across = 0; across < columns_; ++across) sums.add(values_[down * kTile + across]);
      }
    }
    sums_.end(tile_, panel_);
  }

 private:
  SumsOfTiles sums_;
  int tile_ = 0, panel_ = 0;
  Vector values_[kTile * kTile] = {};
};

// Takes the outputs of tiles, writes the largest of each window of two by two and which it was, and sums them up.
class PoolingWriter {
 public:
  // `shape` of what is pooled
  PoolingWriter(const Tiles& tiles, const Panels& shape, float* pooled, uint8_t* choice, PartialSums& all)
      : shape_(shape), pooled_(pooled), choice_(choice), sums_(tiles, all) {}

  void fetch(const Place& place, int panel) const {
    const ptrdiff_t corner = pooledCornerOf(shape_, place, panel);
    fetchPooledTile(pooled_ + corner, choice_ + corner, shape_.rowSize(), shape_.height - place.row / 2);
  }

  void begin(int tile, const Place& place, int panel) {
    corner_ = pooledCornerOf(shape_, place, panel);
    rows_ = shape_.height - place.row / 2;
    columns_ = shape_.width - place.column / 2;
    tile_ = tile;
    panel_ = panel;
  }
  void write(int down, int across, const Vector& value) { values_[down * kTile + across] = value; }
  void end() {
    Sums& sums = sums_.begin(tile_);
#pragma GCC unroll 2
    for (int down = 0; down < kTile / 2; ++down) {
#pragma GCC unroll 2
      for (int across = 0; across < kTile / 2; ++across) {
        if (down >= rows_ || across >= columns_) continue;
        const Vector* window = values_ + 2 * down * kTile + 2 * across;
        const Largest largest = largestOf(window[0], window[1], window[kTile], window[kTile + 1]);
        const ptrdiff_t at = corner_ + down * shape_.rowSize() + across * kLanes;
        store(pooled_ + at, largest.value);
        storeBytes(choice_ + at, largest.choice);
        sums.add(largest.value);
      }
    }
    sums_.end(tile_, panel_);
  }

 private:
  Panels shape_;
  float* pooled_;
  uint8_t* choice_;
  SumsOfTiles sums_;
  ptrdiff_t corner_ = 0;
  int rows_ = 0, columns_ = 0, tile_ = 0, panel_ = 0;
  Vector values_[kTile * kTile] = {};
};

// The other way: rows from `row` on to the outputs of tiles first..first+count-1, which `outputs` takes.
template <typename Outputs>
void fromPoints(const Tiles& tiles, const float* points, const Points& layout, int row, int first, int count,
                Outputs outputs) {
  const ptrdiff_t stride = layout.stride();
  Place places[kMostTiles];
  tiles.places(first, count, places);
  const auto take = [&](int panel, int tile) __attribute__((always_inline)) {
    const float* from = points + layout.at(row + tile, panel);
    outputs.begin(first + tile, places[tile], panel);
    square<kWindow, kTile, pointsToOutput>(
        [&](int down, int across) { return load(from + (down * kWindow + across) * stride); },
        [&](int down, int across, const Vector& value) { outputs.write(down, across, value); });
    outputs.end();
  };
  withAhead(layout.panels(), count, take, [&](int panel, int tile) { outputs.fetch(places[tile], panel); });
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
