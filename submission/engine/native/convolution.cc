// Theory of operation
//
// Images are cut into tiles of 4 by 4 outputs. A tile's window of 6 by 6 inputs and the filter are transformed to 36
// points (winograd.h); at every point what is left is a product of matrices, [tiles, in] by [in, out]. Its result is
// transformed back to the tile's outputs. A quarter of the multiplications of the sum as it is written remain.
//
// Forward, a thread takes a block of tiles through all three, so small that what lies between stays in its second-level
// cache. The gradient to the input is the same with the filter turned by 180 degrees and its channels exchanged.
//
// The gradient to the filter sums over tiles: all threads transform a larger block of tiles, of the input and of the
// output's gradient, and then share the points of the product. Its sums have one order, whatever the number of threads.
#include "convolution.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>

#include "product.h"
#include "threadPool.h"
#include "winograd.h"

namespace haet {
namespace {

// Tiles of one block: see docs/performance.md for how these were found.
constexpr int kBlockBytes = 400 << 10;
constexpr int kLeastBlock = 16, kMostBlock = 64;
constexpr int kLeastGradientBlock = 128, kMostGradientBlock = 256;
// Between the matrices of two points: without it they lie a power of two apart, and their writes fall into one set of
// the cache.
constexpr int kPointGap = 16;

int roundUp(int value, int unit) { return (value + unit - 1) / unit * unit; }

// Memory that is kept from call to call, and only grows; in pages of 2 MiB where the system has them.
class Scratch {
 public:
  float* ofSize(size_t floats) {
    if (floats > size_) {
      constexpr size_t kPage = 2 << 20;
      const size_t bytes = (floats * sizeof(float) + kPage - 1) / kPage * kPage;
      size_ = 0;
      memory_.reset();
      memory_.reset(static_cast<float*>(std::aligned_alloc(kPage, bytes)));
      if (memory_ == nullptr) throw std::bad_alloc();
      madvise(memory_.get(), bytes, MADV_HUGEPAGE);
      size_ = bytes / sizeof(float);
    }
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  std::unique_ptr<float, Free> memory_;
  size_t size_ = 0;
};

thread_local Scratch blockScratch;
Scratch filterScratch, sumScratch;  // of the one call that runs at a time
std::mutex oneCall;

// The tiles of a batch, in the order of the images, and within an image row by row.
class Tiles {
 public:
  explicit Tiles(const Convolution& shape)
      : height_(shape.height), width_(shape.width), down_((height_ + kTile - 1) / kTile),
        across_((width_ + kTile - 1) / kTile), count_(shape.batch * down_ * across_) {}

  int count() const { return count_; }

  // The image of a tile, and its first row and column there.
  struct Place {
    int image, row, column;
  };
  Place place(int tile) const {
    const int inImage = tile % (down_ * across_);
    return {tile / (down_ * across_), inImage / across_ * kTile, inImage % across_ * kTile};
  }

  // Whether a square of `edge` pixels from row and column on lies in the image.
  bool holds(int row, int column, int edge) const {
    return row >= 0 && column >= 0 && row + edge <= height_ && column + edge <= width_;
  }

  bool isPixel(int row, int column) const { return row >= 0 && column >= 0 && row < height_ && column < width_; }

  ptrdiff_t at(int row, int column, int channels) const {
    return (static_cast<ptrdiff_t>(row) * width_ + column) * channels;
  }

  ptrdiff_t imageSize(int channels) const { return static_cast<ptrdiff_t>(height_) * width_ * channels; }

 private:
  int height_, width_, down_, across_, count_;
};

// Floats from the matrix of one point to that of the next.
ptrdiff_t pointStride(int rows, int columns) { return static_cast<ptrdiff_t>(rows) * columns + kPointGap; }

// Transforms tiles first..first+count-1 of images to points: rows of matrices that are laid out for `laidOut` tiles,
// from `row` on. `margin`: how far the square of a tile begins before it.
template <int edge, int margin, Transform transform>
void toPoints(const Tiles& tiles, const float* images, int channels, int first, int count, float* points, int laidOut,
              int row) {
  const ptrdiff_t stride = pointStride(laidOut, channels);
  for (int panel = 0; panel < channels / kLanes; ++panel) {
    float* to = points + (static_cast<ptrdiff_t>(panel) * laidOut + row) * kLanes;
    for (int tile = first; tile < first + count; ++tile, to += kLanes) {
      const auto place = tiles.place(tile);
      const int top = place.row - margin, left = place.column - margin;
      const float* image = images + place.image * tiles.imageSize(channels) + panel * kLanes;
      const auto write = [&](int row, int column, const Vector& value) {
        store(to + (row * kWindow + column) * stride, value);
      };
      if (tiles.holds(top, left, edge)) {
        const float* corner = image + tiles.at(top, left, channels);
        const ptrdiff_t down = tiles.at(1, 0, channels);
        square<edge, kWindow, transform>([&](int row, int column) { return load(corner + row * down + column * channels); },
                                         write);
      } else {
        const auto read = [&](int row, int column) {
          const bool isPixel = tiles.isPixel(top + row, left + column);
          return isPixel ? load(image + tiles.at(top + row, left + column, channels)) : Vector{};
        };
        square<edge, kWindow, transform>(read, write);
      }
    }
  }
}

void zeroRows(float* points, int laidOut, int channels, int from, int to) {
  for (int point = 0; point < kPoints; ++point) {
    for (int panel = 0; panel < channels / kLanes; ++panel) {
      float* rows = points + point * pointStride(laidOut, channels) + static_cast<ptrdiff_t>(panel) * laidOut * kLanes;
      std::fill(rows + from * kLanes, rows + to * kLanes, 0.0f);
    }
  }
}

void fromPoints(const Tiles& tiles, const float* points, int laidOut, int channels, int first, int count,
                float* images) {
  const ptrdiff_t stride = pointStride(laidOut, channels);
  for (int panel = 0; panel < channels / kLanes; ++panel) {
    const float* from = points + static_cast<ptrdiff_t>(panel) * laidOut * kLanes;
    for (int tile = first; tile < first + count; ++tile, from += kLanes) {
      const auto place = tiles.place(tile);
      float* image = images + place.image * tiles.imageSize(channels) + panel * kLanes;
      const auto read = [&](int row, int column) { return load(from + (row * kWindow + column) * stride); };
      if (tiles.holds(place.row, place.column, kTile)) {
        float* corner = image + tiles.at(place.row, place.column, channels);
        const ptrdiff_t down = tiles.at(1, 0, channels);
        square<kWindow, kTile, pointsToOutput>(
            read, [&](int row, int column, const Vector& value) { store(corner + row * down + column * channels, value); });
      } else {
        square<kWindow, kTile, pointsToOutput>(read, [&](int row, int column, const Vector& value) {
          if (!tiles.isPixel(place.row + row, place.column + column)) return;
          store(image + tiles.at(place.row + row, place.column + column, channels), value);
        });
      }
    }
  }
}

enum class Use { kForward, kBackward };

// The filter at every point, a matrix [from, to] in panels; for the way back turned, from = out and to = in.
const float* filterPoints(const float* filter, int in, int out, Use use) {
  const int from = use == Use::kForward ? in : out, to = use == Use::kForward ? out : in;
  const ptrdiff_t stride = pointStride(from, to);
  float* points = filterScratch.ofSize(kPoints * stride);
  parallelFor(to / kLanes, [&](int panel, int) {
    for (int row = 0; row < from; ++row) {
      Vector values[9];
      for (int tap = 0; tap < 9; ++tap) {
        if (use == Use::kForward) {
          values[tap] = load(filter + (static_cast<ptrdiff_t>(tap) * in + row) * out + panel * kLanes);
        } else {
          const float* turned = filter + (static_cast<ptrdiff_t>(8 - tap) * in + panel * kLanes) * out + row;
          for (int lane = 0; lane < kLanes; ++lane) values[tap][lane] = turned[static_cast<ptrdiff_t>(lane) * out];
        }
      }
      float* at = points + (static_cast<ptrdiff_t>(panel) * from + row) * kLanes;
      square<3, kWindow, filterToPoints>(
          [&](int down, int across) { return values[down * 3 + across]; },
          [&](int down, int across, const Vector& value) { store(at + (down * kWindow + across) * stride, value); });
    }
  });
  return points;
}

void convolveBy(const float* filter, const Convolution& shape, int from, int to, const float* input, float* output) {
  const Tiles tiles(shape);
  const int fitting = kBlockBytes / (kPoints * (from + to) * static_cast<int>(sizeof(float)));
  const int fair = (tiles.count() + threads() - 1) / threads();
  const int block = roundUp(std::min(std::clamp(fitting, kLeastBlock, kMostBlock), fair), 4);
  const ptrdiff_t inStride = pointStride(block, from), outStride = pointStride(block, to);
  const ptrdiff_t filterStride = pointStride(from, to);
  parallelFor((tiles.count() + block - 1) / block, [&](int index, int) {
    float* points = blockScratch.ofSize(kPoints * (inStride + outStride));
    float* products = points + kPoints * inStride;
    const int first = index * block, count = std::min(block, tiles.count() - first);
    const int rows = roundUp(count, 4);
    toPoints<kWindow, 1, inputToPoints>(tiles, input, from, first, count, points, block, 0);
    if (rows > count) zeroRows(points, block, from, count, rows);
    for (int point = 0; point < kPoints; ++point) {
      product(points + point * inStride, block, filter + point * filterStride, products + point * outStride, block,
              rows, from, to);
    }
    fromPoints(tiles, products, block, to, first, count, output);
  });
}

}  // namespace

void convolve(const Convolution& shape, const float* input, const float* filter, float* output) {
  const std::lock_guard<std::mutex> lock(oneCall);
  const float* points = filterPoints(filter, shape.in, shape.out, Use::kForward);
  convolveBy(points, shape, shape.in, shape.out, input, output);
}

void convolveInputGradient(const Convolution& shape, const float* filter, const float* outputGradient,
                           float* inputGradient) {
  const std::lock_guard<std::mutex> lock(oneCall);
  const float* points = filterPoints(filter, shape.in, shape.out, Use::kBackward);
  convolveBy(points, shape, shape.out, shape.in, outputGradient, inputGradient);
}

void convolveFilterGradient(const Convolution& shape, const float* input, const float* outputGradient,
                            float* filterGradient) {
  const std::lock_guard<std::mutex> lock(oneCall);
  const Tiles tiles(shape);
  const int in = shape.in, out = shape.out;
  // The sums of a large filter are read and written once a block: the fewer blocks the better.
  const int wanted = roundUp(std::clamp(in * out / 64, kLeastGradientBlock, kMostGradientBlock), kLanes);
  const int block = std::min(wanted, roundUp(tiles.count(), kLanes));
  const ptrdiff_t inStride = pointStride(block, in), outStride = pointStride(block, out);
  const ptrdiff_t sumStride = pointStride(in, out);
  float* inputs = sumScratch.ofSize(kPoints * (inStride + outStride + sumStride));
  float* gradients = inputs + kPoints * inStride;
  float* sums = gradients + kPoints * outStride;

  for (int first = 0; first < tiles.count(); first += block) {
    const int count = std::min(block, tiles.count() - first), rows = roundUp(count, kLanes);
    constexpr int kShare = 8;  // tiles that a thread takes at once
    parallelFor((count + kShare - 1) / kShare, [&](int index, int) {
      const int row = index * kShare, some = std::min(kShare, count - row);
      toPoints<kWindow, 1, inputToPoints>(tiles, input, in, first + row, some, inputs, block, row);
      toPoints<kTile, 0, outputGradientToPoints>(tiles, outputGradient, out, first + row, some, gradients, block, row);
    });
    if (rows > count) {
      zeroRows(inputs, block, in, count, rows);
      zeroRows(gradients, block, out, count, rows);
    }
    parallelFor(kPoints, [&](int point, int) {
      transposedProduct(inputs + point * inStride, gradients + point * outStride, block, rows, sums + point * sumStride,
                        in, out, first > 0);
    });
  }
  parallelFor(out / kLanes, [&](int panel, int) {
    for (int row = 0; row < in; ++row) {
      const float* from = sums + (static_cast<ptrdiff_t>(panel) * in + row) * kLanes;
      square<kWindow, 3, pointsToFilterGradient>(
          [&](int down, int across) { return load(from + (down * kWindow + across) * sumStride); },
          [&](int down, int across, const Vector& value) {
            const ptrdiff_t tap = down * 3 + across;
            store(filterGradient + (tap * in + row) * out + panel * kLanes, value);
          });
    }
  });
}

}  // namespace haet
