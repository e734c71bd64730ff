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

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

#include "product.h"
#include "threadPool.h"
#include "winograd.h"

namespace haet {
namespace {

// Tiles of one block: see docs/performance.md for how these were found.
constexpr int kBlockBytes = 400 << 10;
constexpr int kLeastBlock = 16, kMostBlock = 64;
constexpr int kGradientBlock = 256;
// Between the matrices of two points: without it they lie a power of two apart, and their writes fall into one set of
// the cache.
constexpr int kPointGap = 16;

int roundUp(int value, int unit) { return (value + unit - 1) / unit * unit; }

// Memory that is kept from call to call, and only grows.
class Scratch {
 public:
  float* ofSize(size_t floats) {
    if (floats > size_) {
      constexpr size_t kAlignment = 64;
      memory_.reset(static_cast<float*>(std::aligned_alloc(kAlignment, (floats * sizeof(float) + 63) / 64 * 64)));
      if (memory_ == nullptr) size_ = 0, throw std::bad_alloc();
      size_ = floats;
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

  // Reads a square of `edge` values from row and column on, zeros outside of the image.
  template <int edge>
  void read(const float* image, int row, int column, int channels, Vector* into) const {
    const bool inside = row >= 0 && column >= 0 && row + edge <= height_ && column + edge <= width_;
    if (inside) {
      const float* from = image + (static_cast<ptrdiff_t>(row) * width_ + column) * channels;
      for (int y = 0; y < edge; ++y, from += static_cast<ptrdiff_t>(width_) * channels) {
        for (int x = 0; x < edge; ++x) into[y * edge + x] = load(from + x * channels);
      }
      return;
    }
    for (int y = row; y < row + edge; ++y) {
      for (int x = column; x < column + edge; ++x, ++into) {
        const bool isPixel = y >= 0 && x >= 0 && y < height_ && x < width_;
        *into = isPixel ? load(image + (static_cast<ptrdiff_t>(y) * width_ + x) * channels) : Vector{};
      }
    }
  }

  void write(const Vector* outputs, float* image, int row, int column, int channels) const {
    for (int y = row; y < std::min(row + kTile, height_); ++y) {
      for (int x = column; x < std::min(column + kTile, width_); ++x) {
        store(image + (static_cast<ptrdiff_t>(y) * width_ + x) * channels,
              outputs[(y - row) * kTile + x - column]);
      }
    }
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
      Vector values[edge * edge], transformed[kPoints];
      tiles.read<edge>(images + place.image * tiles.imageSize(channels) + panel * kLanes, place.row - margin,
                       place.column - margin, channels, values);
      square<edge, kWindow, transform>(values, transformed);
      for (int point = 0; point < kPoints; ++point) store(to + point * stride, transformed[point]);
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
      Vector values[kPoints], outputs[kTile * kTile];
      for (int point = 0; point < kPoints; ++point) values[point] = load(from + point * stride);
      square<kWindow, kTile, pointsToOutput>(values, outputs);
      const auto place = tiles.place(tile);
      tiles.write(outputs, images + place.image * tiles.imageSize(channels) + panel * kLanes, place.row, place.column,
                  channels);
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
      Vector values[9], transformed[kPoints];
      for (int tap = 0; tap < 9; ++tap) {
        if (use == Use::kForward) {
          values[tap] = load(filter + (static_cast<ptrdiff_t>(tap) * in + row) * out + panel * kLanes);
        } else {
          const float* turned = filter + (static_cast<ptrdiff_t>(8 - tap) * in + panel * kLanes) * out + row;
          for (int lane = 0; lane < kLanes; ++lane) values[tap][lane] = turned[static_cast<ptrdiff_t>(lane) * out];
        }
      }
      square<3, kWindow, filterToPoints>(values, transformed);
      float* at = points + (static_cast<ptrdiff_t>(panel) * from + row) * kLanes;
      for (int point = 0; point < kPoints; ++point) store(at + point * stride, transformed[point]);
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
  const float* points = filterPoints(filter, shape.in, shape.out, Use::kForward);
  convolveBy(points, shape, shape.in, shape.out, input, output);
}

void convolveInputGradient(const Convolution& shape, const float* filter, const float* outputGradient,
                           float* inputGradient) {
  const float* points = filterPoints(filter, shape.in, shape.out, Use::kBackward);
  convolveBy(points, shape, shape.out, shape.in, outputGradient, inputGradient);
}

void convolveFilterGradient(const Convolution& shape, const float* input, const float* outputGradient,
                            float* filterGradient) {
  const Tiles tiles(shape);
  const int in = shape.in, out = shape.out;
  const int block = std::min(kGradientBlock, roundUp(tiles.count(), kLanes));
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
                        in, 0, in, out, first > 0);
    });
  }
  parallelFor(out / kLanes, [&](int panel, int) {
    for (int row = 0; row < in; ++row) {
      const float* from = sums + (static_cast<ptrdiff_t>(panel) * in + row) * kLanes;
      Vector values[kPoints], taps[9];
      for (int point = 0; point < kPoints; ++point) values[point] = load(from + point * sumStride);
      square<kWindow, 3, pointsToFilterGradient>(values, taps);
      for (int tap = 0; tap < 9; ++tap) {
        store(filterGradient + (static_cast<ptrdiff_t>(tap) * in + row) * out + panel * kLanes, taps[tap]);
      }
    }
  });
}

}  // namespace haet
