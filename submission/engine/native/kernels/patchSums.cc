// Theory of operation
//
// The product of two taps, summed over all pixels, is a sum over pairs of image rows, one row per tap. Both taps are
// either in the same row of the filter, or in rows next to each other, or in the first and the last. Taps of the upper
// row of the filter never meet the last row of an image, and those of the lower row never meet the first. So three
// sums of products of the same row are kept, of first, inner and last rows, and one sum for each other distance.
// Columns are lanes. A tap's column shifts a row by one number; at both ends there is a column of zeros.
#include "kernels/patchSums.h"

#include <algorithm>

#include "runtime/scratch.h"
#include "runtime/threadPool.h"
#include "runtime/vector.h"

namespace haet {
namespace {

constexpr int kImagesOfSum = 8;

thread_local Scratch planeScratch;
Scratch sumScratch;  // one call at a time

// Which rows are multiplied: a first, inner or last row of an image by itself, or a row by one of the next two.
enum Pairs { kFirst, kInner, kLast, kNext, kAfterNext, kPairs };

constexpr int kRowSums = 3;  // first, inner, last

// The channels of one image as planes. A row starts with a zero, and has zeros at its end.
class Planes {
 public:
  Planes(const Convolution& shape, const float* image)
      : rowSize_((shape.width + kLanes - 1) / kLanes * kLanes + kLanes), height_(shape.height) {
    const size_t floats = static_cast<size_t>(shape.in) * height_ * rowSize_;
    float* planes = planeScratch.ofSize(floats);
    std::fill(planes, planes + floats, 0.0f);
    for (int row = 0; row < shape.height; ++row) {
      for (int column = 0; column < shape.width; ++column) {
        for (int channel = 0; channel < shape.in; ++channel) {
          planes[(static_cast<ptrdiff_t>(channel) * height_ + row) * rowSize_ + column + 1] = *image++;
        }
      }
    }
    planes_ = planes;
  }

  const float* row(int channel, int row) const {
    return planes_ + (static_cast<ptrdiff_t>(channel) * height_ + row) * rowSize_;
  }
  ptrdiff_t rowSize() const { return rowSize_; }

 private:
  ptrdiff_t rowSize_;
  int height_;
  const float* planes_;
};

// A row as the taps of the three columns of a filter see it.
struct Shifted {
  Vector column[3];

  explicit Shifted(const float* row) {
#pragma GCC unroll 3
    for (int at = 0; at < 3; ++at) column[at] = load(row + at);
  }

  // Sets lanes from `count` on to zero.
  void limit(int count) {
    Integers lanes;
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = lane;
#pragma GCC unroll 3
    for (int at = 0; at < 3; ++at) column[at] = lanes < count ? column[at] : Vector{};
  }
};

// Calls body with every vector of a row and the number of its lanes that are in the image.
template <typename Body>
inline void eachVector(int width, const Body& body) {
  for (int x = 0; x < width; x += kLanes) body(x, std::min(kLanes, width - x));
}

// Adds the products of `rows` rows, three taps by three taps, to nine vectors.
void addProducts(const float* left, const float* right, int rows, ptrdiff_t rowSize, int width, float* sums) {
  Vector sum[3][3];
#pragma GCC unroll 9
  for (int at = 0; at < 9; ++at) sum[at / 3][at % 3] = load(sums + at * kLanes);
  for (int row = 0; row < rows; ++row, left += rowSize, right += rowSize) {
    eachVector(width, [&](int x, int count) __attribute__((always_inline)) {
      Shifted one(left + x);
      const Shifted other(right + x);
      if (count < kLanes) one.limit(count);
#pragma GCC unroll 9
      for (int at = 0; at < 9; ++at) sum[at / 3][at % 3] += one.column[at / 3] * other.column[at % 3];
    });
  }
#pragma GCC unroll 9
  for (int at = 0; at < 9; ++at) store(sums + at * kLanes, sum[at / 3][at % 3]);
}

// Adds the values of `rows` rows to three vectors, one per tap.
void addValues(const float* from, int rows, ptrdiff_t rowSize, int width, float* sums) {
  Vector sum[3] = {load(sums), load(sums + kLanes), load(sums + 2 * kLanes)};
  for (int row = 0; row < rows; ++row, from += rowSize) {
    eachVector(width, [&](int x, int count) __attribute__((always_inline)) {
      Shifted values(from + x);
      if (count < kLanes) values.limit(count);
#pragma GCC unroll 3
      for (int at = 0; at < 3; ++at) sum[at] += values.column[at];
    });
  }
  for (int at = 0; at < 3; ++at) store(sums + at * kLanes, sum[at]);
}

// The layout of the sums, each a vector: for each pair of channels kPairs times nine products, then for each channel
// kRowSums times three values. Products of the same row are the same with channels exchanged, and computed once.
struct Layout {
  int in;
  ptrdiff_t product(int left, int right, int pairs) const {
    return ((static_cast<ptrdiff_t>(left) * in + right) * kPairs + pairs) * 9;
  }
  ptrdiff_t value(int channel, int rows) const {
    return static_cast<ptrdiff_t>(in) * in * kPairs * 9 + (static_cast<ptrdiff_t>(channel) * kRowSums + rows) * 3;
  }
  ptrdiff_t size() const { return value(in, 0); }
};

void addImage(const Convolution& shape, const Planes& planes, const Layout& layout, float* sums) {
  const int height = shape.height, inner = std::max(height - 2, 0);
  for (int left = 0; left < shape.in; ++left) {
    const auto add = [&](int right, int pairs, int first, int second, int rows) {
      addProducts(planes.row(left, first), planes.row(right, second), rows, planes.rowSize(), shape.width,
                  sums + layout.product(left, right, pairs) * kLanes);
    };
    for (int right = 0; right < shape.in; ++right) {
      if (right >= left) {
        add(right, kFirst, 0, 0, 1);
        if (inner > 0) add(right, kInner, 1, 1, inner);
        if (height > 1) add(right, kLast, height - 1, height - 1, 1);
      }
      if (height > 1) add(right, kNext, 0, 1, height - 1);
      if (height > 2) add(right, kAfterNext, 0, 2, height - 2);
    }
    const auto addRows = [&](int kind, int first, int rows) {
      addValues(planes.row(left, first), rows, planes.rowSize(), shape.width, sums + layout.value(left, kind) * kLanes);
    };
    addRows(kFirst, 0, 1);
    if (inner > 0) addRows(kInner, 1, inner);
    if (height > 1) addRows(kLast, height - 1, 1);
  }
}

// Adds up what the taps of a row of the filter see: all image rows but the last for the upper one, all but the first
// for the lower one.
template <typename Of>
double overRows(int filterRow, int height, const Of& of) {
  const bool isOnlyRow = height == 1;
  double sum = of(kInner);
  if (filterRow < 2 && (filterRow == 1 || !isOnlyRow)) sum += of(kFirst);
  if (filterRow > 0) sum += of(kLast);
  return sum;
}

}  // namespace

PatchSums patchSums(const Convolution& shape, const float* images) {
  const Layout layout{shape.in};
  const ptrdiff_t size = layout.size() * kLanes;
  const int count = (shape.batch + kImagesOfSum - 1) / kImagesOfSum;
  float* sums = sumScratch.ofSize(count * size);
  parallelFor(count, [&](int index) {
    float* sum = sums + index * size;
    std::fill(sum, sum + size, 0.0f);
    const int first = index * kImagesOfSum;
    for (int image = first; image < std::min(first + kImagesOfSum, shape.batch); ++image) {
      const float* pixels = images + static_cast<ptrdiff_t>(image) * shape.height * shape.width * shape.in;
      addImage(shape, Planes(shape, pixels), layout, sum);
    }
  });

  std::vector<double> totals(layout.size());
  for (ptrdiff_t at = 0; at < layout.size(); ++at) {
    for (int index = 0; index < count; ++index) {
      for (int lane = 0; lane < kLanes; ++lane) totals[at] += sums[index * size + at * kLanes + lane];
    }
  }
  const int in = shape.in, taps = 9 * in;
  PatchSums result{std::vector<double>(taps), std::vector<double>(static_cast<size_t>(taps) * taps)};
  // A tap is its row in the filter, its column, and its channel.
  const auto tapOf = [&](int row, int column, int channel) { return (row * 3 + column) * in + channel; };
  const auto put = [&](int left, int right, double product) {
    result.products[static_cast<size_t>(left) * taps + right] = product;
    result.products[static_cast<size_t>(right) * taps + left] = product;
  };
  for (int left = 0; left < in; ++left) {
    for (int at = 0; at < 3; ++at) {
      const auto value = [&](int rows) { return totals[layout.value(left, rows) + at]; };
      for (int row = 0; row < 3; ++row) result.sums[tapOf(row, at, left)] = overRows(row, shape.height, value);
    }
    for (int right = 0; right < in; ++right) {
      for (int at = 0; at < 9; ++at) {
        const int one = at / 3, other = at % 3;
        const auto product = [&](int pairs) { return totals[layout.product(left, right, pairs) + at]; };
        for (int row = 0; row < 3 && right >= left; ++row) {
          put(tapOf(row, one, left), tapOf(row, other, right), overRows(row, shape.height, product));
        }
        for (int row = 0; row < 2; ++row) put(tapOf(row, one, left), tapOf(row + 1, other, right), product(kNext));
        put(tapOf(0, one, left), tapOf(2, other, right), product(kAfterNext));
      }
    }
  }
  return result;
}

}  // namespace haet
