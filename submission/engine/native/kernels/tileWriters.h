// Transforms points back to tiles of images, and writes them unchanged, with their sums, or pooled.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/panels.h"
#include "kernels/partialSums.h"
#include "kernels/pool.h"
#include "kernels/tiles.h"
#include "kernels/winograd.h"

namespace haet {

// Writes the outputs of tiles unchanged. For every panel the tiles come in their order.
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
    if (isWhole() || (down < rows_ && across < columns_))
      store(corner_ + down * shape_.rowSize() + across * kLanes, value);
  }
  void end() {}

 protected:
  bool isWhole() const { return rows_ == kTile && columns_ == kTile; }

  Panels shape_;
  float* images_;
  float* corner_ = nullptr;
  int rows_ = 0, columns_ = 0;  // of the tile, inside the image
};

// Sums kTilesOfSum consecutive tiles, and stores the sums after the last of them.
class SumsOfTiles {
 public:
  SumsOfTiles(const Tiles& tiles, PartialSums& all) : last_(tiles.count() - 1), all_(&all) {}

  // Returns the sums that a tile is added to.
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

// Writes outputs unchanged, and sums them for the batch norm.
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

// Writes the largest output of each window of two by two and its index, and sums them for the batch norm.
class PoolingWriter {
 public:
  // `shape`: of the pooled values
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

// Transforms points, from row `row` on, to the outputs of tiles first..first+count-1, which `outputs` writes.
template <typename Outputs>
void fromPoints(const Tiles& tiles, const float* points, const Products& layout, int row, int first, int count,
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

}  // namespace haet
