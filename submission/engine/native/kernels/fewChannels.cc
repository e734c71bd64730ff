// Theory of operation
//
// Images have three channels: too few to fill a vector, and so few that the transforms of minimal filtering would cost
// more than they save. They are convolved directly, for kLanes output channels at once. An output is a sum over three
// rows of 3 `in` contiguous numbers, which are three pixels with all their channels. Images are first copied into a
// frame of zeros that fits into the first-level cache, so that no border checks are needed. The output of an image is
// pooled and summed right after it is written, while it is in the second-level cache.
//
// The gradient of the filter is summed row by row over kImagesOfSum images, and these sums are added in their order, so
// the result is the same bit for bit with any number of threads.
#include "kernels/fewChannels.h"

#include <algorithm>
#include <cstring>

#include "runtime/scratch.h"
#include "runtime/threadPool.h"
#include "runtime/vector.h"

namespace haet {
namespace {

constexpr int kImagesOfSum = 8;

thread_local Scratch frameScratch, imageScratch;
Scratch sumScratch;  // one call at a time

// An image in a frame of zeros, one pixel wide.
class Framed {
 public:
  Framed(const Convolution& shape, const float* images, int index)
      : in_(shape.in), rowSize_(static_cast<ptrdiff_t>(shape.width + 2) * shape.in) {
    float* frame = frameScratch.ofSize((shape.height + 2) * rowSize_);
    const ptrdiff_t inRow = static_cast<ptrdiff_t>(shape.width) * shape.in;
    std::fill(frame, frame + rowSize_, 0.0f);
    for (int row = 0; row < shape.height; ++row) {
      float* to = frame + (row + 1) * rowSize_;
      std::fill(to, to + in_, 0.0f);
      std::memcpy(to + in_, images + (static_cast<ptrdiff_t>(index) * shape.height + row) * inRow,
                  inRow * sizeof(float));
      std::fill(to + in_ + inRow, to + rowSize_, 0.0f);
    }
    std::fill(frame + (shape.height + 1) * rowSize_, frame + (shape.height + 2) * rowSize_, 0.0f);
    frame_ = frame;
  }

  // The window of the filter at a pixel: three rows of 3 `in` numbers, rowSize() apart.
  const float* window(int row, int column) const {
    return frame_ + row * rowSize_ + static_cast<ptrdiff_t>(column) * in_;
  }
  ptrdiff_t rowSize() const { return rowSize_; }

 private:
  const float* frame_;
  int in_;
  ptrdiff_t rowSize_;
};

// Writes `panels` panels of `pixels` adjacent pixels. output: the first pixel in the first panel.
template <int pixels, int panels>
inline void outputs(const Convolution& shape, const Framed& image, const float* window, const float* filter,
                    float* output) {
  const ptrdiff_t planeSize = shape.output().planeSize();
  Vector sum[pixels][panels] = {};
  for (int down = 0; down < 3; ++down, window += image.rowSize()) {
    for (int at = 0; at < 3 * shape.in; ++at, filter += shape.out) {
      Vector right[panels];
#pragma GCC unroll 3
      for (int panel = 0; panel < panels; ++panel) right[panel] = loadToRegister(filter + panel * kLanes);
#pragma GCC unroll 4
      for (int pixel = 0; pixel < pixels; ++pixel) {
        const float scalar = window[pixel * shape.in + at];
#pragma GCC unroll 3
        for (int panel = 0; panel < panels; ++panel) sum[pixel][panel] += right[panel] * scalar;
      }
    }
  }
#pragma GCC unroll 4
  for (int pixel = 0; pixel < pixels; ++pixel) {
#pragma GCC unroll 3
    for (int panel = 0; panel < panels; ++panel) {
      store(output + panel * planeSize + pixel * kLanes, sum[pixel][panel]);
    }
  }
}

template <int pixels>
inline void outputs(const Convolution& shape, const Framed& image, const float* window, const float* filter,
                    float* output) {
  inGroupsOf<3>(shape.out / kLanes, [&](int panel, auto panels) {
    outputs<pixels, panels>(shape, image, window, filter + panel * kLanes, output + panel * shape.output().planeSize());
  });
}

// Writes the output of one image, in panels.
void outputImage(const Convolution& shape, const Framed& image, const float* filter, float* output) {
  for (int y = 0; y < shape.height; ++y, output += shape.output().rowSize()) {
    int x = 0;
    for (; x + 4 <= shape.width; x += 4) outputs<4>(shape, image, image.window(y, x), filter, output + x * kLanes);
    for (; x < shape.width; ++x) outputs<1>(shape, image, image.window(y, x), filter, output + x * kLanes);
  }
}

// Pools the output of one image.
void poolImage(const Panels& pooled, const float* output, float* values, uint8_t* choice) {
  const ptrdiff_t row = 2 * pooled.rowSize();
  for (int y = 0; y < pooled.panels() * pooled.height; ++y, output += 2 * row) {
    for (int x = 0; x < pooled.width; ++x, values += kLanes, choice += kLanes) {
      const float* first = output + 2 * x * kLanes;
      const auto [value, chosen] =
          largestOf(load(first), load(first + kLanes), load(first + row), load(first + row + kLanes));
      store(values, value);
      storeBytes(choice, chosen);
    }
  }
}

// Spreads the gradient of the pooled values of one image to its output.
void spreadImage(const Panels& pooled, const float* values, const uint8_t* choice, float* gradient) {
  const ptrdiff_t row = 2 * pooled.rowSize();
  for (int y = 0; y < pooled.panels() * pooled.height; ++y, gradient += 2 * row) {
    for (int x = 0; x < pooled.width; ++x, values += kLanes, choice += kLanes) {
      const Integers chosen = loadBytes(choice);
      float* first = gradient + 2 * x * kLanes;
      float* places[] = {first, first + kLanes, first + row, first + row + kLanes};
      for (int place = 0; place < 4; ++place) store(places[place], chosen == place ? load(values) : Vector{});
    }
  }
}

void sumUp(const Panels& shape, const float* image, int index, PartialSums& all) {
  for (int panel = 0; panel < shape.panels(); ++panel) {
    const float* plane = image + panel * shape.planeSize();
    Sums sums;
    ptrdiff_t at = 0;
    for (; at + 4 * kLanes <= shape.planeSize(); at += 4 * kLanes) {
      const float* from = plane + at;
      sums.add({load(from), load(from + kLanes), load(from + 2 * kLanes), load(from + 3 * kLanes)});
    }
    for (; at < shape.planeSize(); at += kLanes) sums.add(load(plane + at));
    all.put(index, panel, sums);
  }
}

// Adds the gradient of one row of an image to three rows of the sums [9 in, out], in `panels` panels.
template <int panels>
inline void addRow(const Convolution& shape, const float* window, const float* outputGradient, float* sums) {
  constexpr int kRows = 3;
  Vector sum[kRows][panels];
#pragma GCC unroll 3
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 4
    for (int panel = 0; panel < panels; ++panel) sum[row][panel] = load(sums + row * shape.out + panel * kLanes);
  }
  const ptrdiff_t planeSize = shape.output().planeSize();
  for (int column = 0; column < shape.width; ++column, window += shape.in, outputGradient += kLanes) {
#pragma GCC unroll 4
    for (int panel = 0; panel < panels; ++panel) {
      const Vector gradient = loadToRegister(outputGradient + panel * planeSize);
#pragma GCC unroll 3
      for (int row = 0; row < kRows; ++row) sum[row][panel] += gradient * window[row];
    }
  }
#pragma GCC unroll 3
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 4
    for (int panel = 0; panel < panels; ++panel) store(sums + row * shape.out + panel * kLanes, sum[row][panel]);
  }
}

void addImage(const Convolution& shape, const Framed& image, const float* outputGradient, float* sums) {
  for (int y = 0; y < shape.height; ++y, outputGradient += shape.output().rowSize()) {
    for (int down = 0; down < 3; ++down) {
      for (int at = 0; at < 3 * shape.in; at += 3) {
        const float* window = image.window(y + down, 0) + at;
        float* rows = sums + static_cast<ptrdiff_t>(down * 3 * shape.in + at) * shape.out;
        inGroupsOf<4>(shape.out / kLanes, [&](int panel, auto panels) {
          addRow<panels>(shape, window, outputGradient + panel * shape.output().planeSize(), rows + panel * kLanes);
        });
      }
    }
  }
}

}  // namespace

void convolveFew(const Convolution& shape, const float* input, const float* filter, const Output& output) {
  const bool pools = output.choice != nullptr;
  const Panels result = pools ? shape.pooled() : shape.output();
  parallelFor(shape.batch, [&](int index) {
    float* values = output.values + result.plane(index, 0);
    float* convolved = pools ? imageScratch.ofSize(shape.output().imageSize()) : values;
    outputImage(shape, Framed(shape, input, index), filter, convolved);
    if (pools) poolImage(result, convolved, values, output.choice + result.plane(index, 0));
    sumUp(result, values, index, *output.sums);
  });
}

void convolveFewFilterGradient(const Convolution& shape, const float* input, const Gradient& outputGradient,
                               float* filterGradient) {
  const bool pools = outputGradient.choice != nullptr;
  const Panels given = pools ? shape.pooled() : shape.output();
  const ptrdiff_t size = static_cast<ptrdiff_t>(9) * shape.in * shape.out;
  const int count = (shape.batch + kImagesOfSum - 1) / kImagesOfSum;
  float* sums = sumScratch.ofSize(count * size);
  parallelFor(count, [&](int index) {
    float* sum = sums + index * size;
    std::fill(sum, sum + size, 0.0f);
    const int first = index * kImagesOfSum;
    for (int image = first; image < std::min(first + kImagesOfSum, shape.batch); ++image) {
      const float* gradient = outputGradient.values + given.plane(image, 0);
      if (pools) {
        float* spread = imageScratch.ofSize(shape.output().imageSize());
        spreadImage(given, gradient, outputGradient.choice + given.plane(image, 0), spread);
        gradient = spread;
      }
      addImage(shape, Framed(shape, input, image), gradient, sum);
    }
  });
  for (ptrdiff_t at = 0; at < size; ++at) {
    double sum = 0;
    for (int index = 0; index < count; ++index) sum += sums[index * size + at];
    filterGradient[at] = static_cast<float>(sum);
  }
}

}  // namespace haet
