// Theory of operation
//
// Images are cut into tiles of 4 by 4 outputs. The window of a tile, 6 by 6 inputs, and the filter are transformed to
// 36 points (winograd.h). At every point a matrix product remains, [tiles, in] by [in, out], whose result is
// transformed back to the outputs of the tiles. This takes a quarter of the multiplications of a direct convolution.
// Outputs are pooled and summed before they are written (tileWriters.h). The gradient of pooled outputs is spread when
// it is read (tileReaders.h).
//
// Forward with a small filter, each thread takes blocks of tiles through all three steps. A block is small enough that
// its intermediate results stay in the second-level cache. A large filter would be read from memory again for every
// such block, so there all threads transform a larger block together, share the points of the product, and transform
// back together. The gradient of the input is the same with the filter rotated by 180 degrees and its channels
// exchanged.
//
// The gradient of the filter is a sum over tiles. All threads transform a block of tiles, of the input and of the
// output gradient, and then share the points of the product.
//
// Every sum has a fixed order for any number of threads.
#include "kernels/convolution.h"

#include <algorithm>
#include <vector>

#include "kernels/filters.h"
#include "kernels/product.h"
#include "kernels/tileReaders.h"
#include "kernels/tileWriters.h"
#include "runtime/scratch.h"
#include "runtime/threadPool.h"

namespace haet {
namespace {

// Tiles per block. docs/performance.md says how these were found.
constexpr int kBlockBytes = 400 << 10;
constexpr int kLeastBlock = 16, kCommonBlock = 128;
constexpr int kLeastGradientBlock = 128, kMostGradientBlock = 256;
// A filter with more bytes than this at all points is large.
constexpr size_t kLargeFilter = 2 << 20;
constexpr int kShare = 8;  // tiles per call of a thread
// A part of the sums for the batch norm is within one block or share, so that one thread computes it.
static_assert(kRowGroup % kTilesOfSum == 0 && kShare % kTilesOfSum == 0 && kMostTiles % kTilesOfSum == 0);
static_assert(kShare <= kMostTiles && kShare % kInterleaved == 0);

int roundUp(int value, int unit) { return (value + unit - 1) / unit * unit; }

thread_local Scratch blockScratch;
Scratch filterScratch, commonScratch;  // one call at a time
std::vector<float> zeroRow;

Tiles tilesOf(const Convolution& shape) { return Tiles(shape.batch, shape.height, shape.width); }

// Returns a row of zeros as wide as a row of a plane.
const float* zerosFor(const Convolution& shape) {
  const size_t floats = shape.input().rowSize();
  if (zeroRow.size() < floats) zeroRow.resize(floats);
  return zeroRow.data();
}

// Calls body(first, count) for the shares of `count` tiles.
template <typename Body>
void inShares(int count, const Body& body) {
  parallelFor((count + kShare - 1) / kShare,
              [&](int index) { body(index * kShare, std::min(kShare, count - index * kShare)); });
}

// Every thread processes its own blocks.
template <typename Images, typename Outputs>
void convolveAlone(const Tiles& tiles, const Way& way, const Images& input, const Operand* filter,
                   const Outputs& output) {
  const int bytesOfTile =
      kPoints * (way.from * static_cast<int>(sizeof(Operand)) + way.to * static_cast<int>(sizeof(float)));
  const int fitting = kBlockBytes / bytesOfTile;
  const int fair = (tiles.count() + threads() - 1) / threads();
  const int block = roundUp(std::min(std::clamp(fitting, kLeastBlock, kMostTiles), fair), kRowGroup);
  const Points in{block, way.from, kRowGroup};
  const Products out{block, way.to, kRowGroup};
  parallelFor((tiles.count() + block - 1) / block, [&](int index) {
    float* memory = blockScratch.ofSize(in.floats() + out.floats());
    Operand* points = in.in(memory);
    float* products = memory + in.floats();
    const int first = index * block, count = std::min(block, tiles.count() - first);
    const int rows = roundUp(count, kRowGroup);
    toPoints<kWindow, 1, inputToPoints, 1>(tiles, input, first, count, points, in, 0);
    zeroRows(points, in, count, rows);
    for (int point = 0; point < kPoints; ++point) {
      product(points + point * in.stride(), filter + point * way.filter().stride(), products + point * out.stride(),
              rows, way.from, way.to);
    }
    fromPoints(tiles, products, out, 0, first, count, output);
  });
}

// All threads process one block at a time.
template <typename Images, typename Outputs>
void convolveTogether(const Tiles& tiles, const Way& way, const Images& input, const Operand* filter,
                      const Outputs& output) {
  const int block = roundUp(std::min(kCommonBlock, tiles.count()), kRowGroup);
  const Points in{block, way.from, kRowGroup};
  const Products out{block, way.to, kRowGroup};
  float* memory = commonScratch.ofSize(in.floats() + out.floats());
  Operand* points = in.in(memory);
  float* products = memory + in.floats();
  for (int first = 0; first < tiles.count(); first += block) {
    const int count = std::min(block, tiles.count() - first), rows = roundUp(count, kRowGroup);
    inShares(count, [&](int row, int some) {
      toPoints<kWindow, 1, inputToPoints, 1>(tiles, input, first + row, some, points, in, row);
    });
    zeroRows(points, in, count, rows);
    parallelFor(kPoints, [&](int point) {
      product(points + point * in.stride(), filter + point * way.filter().stride(), products + point * out.stride(),
              rows, way.from, way.to);
    });
    inShares(count, [&](int row, int some) { fromPoints(tiles, products, out, row, first + row, some, output); });
  }
}

template <typename Images, typename Outputs>
void convolveBy(const Convolution& shape, const Way& way, const Images& input, const float* filter,
                const Outputs& output) {
  const size_t floats = way.filter().floats();
  Operand* points = way.filter().in(filterScratch.ofSize(floats));
  pointsOfFilter(shape, way, filter, points);
  const bool isLarge = floats * sizeof(float) > kLargeFilter;
  const auto take = isLarge ? convolveTogether<Images, Outputs> : convolveAlone<Images, Outputs>;
  take(tilesOf(shape), way, input, points, output);
}

// Calls body with a reader of the output gradient of a convolution.
template <typename Body>
void withImages(const Convolution& shape, const Gradient& gradient, const Body& body) {
  if (gradient.choice == nullptr)
    body(Plain(shape.output(), gradient.values, zerosFor(shape)));
  else
    body(Spread(shape.pooled(), gradient, zerosFor(shape)));
}

}  // namespace

int partsOf(const Convolution& shape) { return (tilesOf(shape).count() + kTilesOfSum - 1) / kTilesOfSum; }

void convolve(const Convolution& shape, const float* input, const float* filter, const Output& output) {
  const Tiles tiles = tilesOf(shape);
  const Plain images(shape.input(), input, zerosFor(shape));
  const Way way{Use::kForward, shape.in, shape.out};
  if (output.choice == nullptr) {
    convolveBy(shape, way, images, filter, SummingWriter(tiles, shape.output(), output.values, *output.sums));
  } else {
    convolveBy(shape, way, images, filter,
               PoolingWriter(tiles, shape.pooled(), output.values, output.choice, *output.sums));
  }
}

void convolveInputGradient(const Convolution& shape, const float* filter, const Gradient& outputGradient,
                           float* inputGradient) {
  withImages(shape, outputGradient, [&](const auto& images) {
    convolveBy(shape, {Use::kBackward, shape.out, shape.in}, images, filter, Writer(shape.input(), inputGradient));
  });
}

void convolveFilterGradient(const Convolution& shape, const float* input, const Gradient& outputGradient,
                            float* filterGradient) {
  const Tiles tiles = tilesOf(shape);
  const int in = shape.in, out = shape.out;
  // The sums of a large filter are read and written once per block, so fewer blocks are faster.
  const int wanted = roundUp(std::clamp(in * out / 64, kLeastGradientBlock, kMostGradientBlock), kLanes);
  const int block = std::min(wanted, roundUp(tiles.count(), kLanes));
  const Points inputPoints{block, in, block}, gradientPoints{block, out, block};
  const Products sumPoints{in, out, in};
  float* sums = commonScratch.ofSize(sumPoints.floats() + inputPoints.floats() + gradientPoints.floats());
  Operand* inputs = inputPoints.in(sums + sumPoints.floats());
  Operand* gradients = gradientPoints.in(sums + sumPoints.floats() + inputPoints.floats());
  const Plain inputImages(shape.input(), input, zerosFor(shape));

  withImages(shape, outputGradient, [&](const auto& gradientImages) {
    for (int first = 0; first < tiles.count(); first += block) {
      const int count = std::min(block, tiles.count() - first), rows = roundUp(count, kLanes);
      inShares(count, [&](int row, int some) {
        toPoints<kWindow, 1, inputToPoints, kInterleaved>(tiles, inputImages, first + row, some, inputs, inputPoints,
                                                          row);
        toPoints<kTile, 0, outputGradientToPoints, kInterleaved>(tiles, gradientImages, first + row, some, gradients,
                                                                 gradientPoints, row);
      });
      const int written = roundUp(count, kInterleaved);
      zeroRows(inputs, inputPoints, written, rows);
      zeroRows(gradients, gradientPoints, written, rows);
      parallelFor(kPoints, [&](int point) {
        transposedProduct(inputs + point * inputPoints.stride(), gradients + point * gradientPoints.stride(), block,
                          rows, sums + point * sumPoints.stride(), in, out, first > 0);
      });
    }
  });
  filterGradientOfPoints(shape, sums, sumPoints, filterGradient);
}

}  // namespace haet
