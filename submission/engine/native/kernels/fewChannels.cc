// Theory of operation
//
// Images have three channels: too few to fill a vector, and so few that the transforms of minimal filtering would cost
// more than they save. They are convolved directly, for kLanes output channels at once. An output is a sum over three
// rows of 3 `in` contiguous numbers, which are three pixels with all their channels. Images are first copied into a
// frame of zeros that fits into the first-level cache, so that no border checks are needed. The output of an image is
// pooled and summed right after it is written, while it is in the second-level cache.
//
// Backward, the gradients of a row of an image are computed for one panel when they are needed, and multiplied with the
// patches (windows of the filter) at all pixels. As many taps as there are registers are summed at once. Every image is
// summed in float32, kImagesOfSum images in double precision, and these sums are added in their order, so the result is
// the same bit for bit with any number of threads.
#include "kernels/fewChannels.h"

#include <algorithm>
#include <cstring>

#include "runtime/scratch.h"
#include "runtime/threadPool.h"
#include "runtime/vector.h"

namespace haet {
namespace {

constexpr int kImagesOfSum = 8;
// Whether the sums of 27 taps fit into registers.
constexpr bool kWideTaps = kRegisters >= 32;

thread_local Scratch frameScratch, imageScratch, planeScratch;

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

// Writes `panels` panels of `pixels` adjacent pixels. output: the first pixel in the first panel. start: one value per
// channel, added to the output
template <int pixels, int panels>
inline void outputs(const Convolution& shape, const Framed& image, const float* window, const float* filter,
                    const float* start, float* output) {
  const ptrdiff_t planeSize = shape.output().planeSize();
  Vector sum[pixels][panels];
#pragma GCC unroll 4
  for (int pixel = 0; pixel < pixels; ++pixel) {
#pragma GCC unroll 3
    for (int panel = 0; panel < panels; ++panel) sum[pixel][panel] = load(start + panel * kLanes);
  }
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
                    const float* start, float* output) {
  inGroupsOf<3>(shape.out / kLanes, [&](int panel, auto panels) {
    outputs<pixels, panels>(shape, image, window, filter + panel * kLanes, start + panel * kLanes,
                            output + panel * shape.output().planeSize());
  });
}

// Writes the output of one image plus `start`, in panels. Calls finish(values) for every row of every panel right after
// it is written.
template <typename Finish>
void outputImage(const Convolution& shape, const Framed& image, const float* filter, const float* start, float* output,
                 const Finish& finish) {
  const Panels result = shape.output();
  for (int y = 0; y < shape.height; ++y, output += result.rowSize()) {
    int x = 0;
    for (; x + 4 <= shape.width; x += 4) {
      outputs<4>(shape, image, image.window(y, x), filter, start, output + x * kLanes);
    }
    for (; x < shape.width; ++x) outputs<1>(shape, image, image.window(y, x), filter, start, output + x * kLanes);
    for (int panel = 0; panel < result.panels(); ++panel) finish(output + panel * result.planeSize());
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

// Gradients of the output, kLanes channels per pixel, as they are given. A row is read from left to right.
class Given {
 public:
  class Row {
   public:
    explicit Row(const float* gradient) : gradient_(gradient) {}
    Vector at(int column) const { return load(gradient_ + static_cast<ptrdiff_t>(column) * kLanes); }

   private:
    const float* gradient_;
  };

  Given(const Convolution& shape, const float* gradient) : shape_(shape.output()), gradient_(gradient) {}

  Row row(int image, int panel, int row) const {
    return Row(gradient_ + shape_.plane(image, panel) + row * shape_.rowSize());
  }

 private:
  Panels shape_;
  const float* gradient_;
};

// The same, where the gradient of pooled values is given.
class Pooled {
 public:
  class Row {
   public:
    Row(const Gradient& gradient, int firstChoice) : gradient_(gradient), firstChoice_(firstChoice) {}
    Vector at(int column) const {
      const ptrdiff_t pooled = static_cast<ptrdiff_t>(column / 2) * kLanes;
      const Integers choice = loadBytes(gradient_.choice + pooled);
      return choice == firstChoice_ + column % 2 ? load(gradient_.values + pooled) : Vector{};
    }

   private:
    Gradient gradient_;
    int firstChoice_;
  };

  Pooled(const Convolution& shape, const Gradient& gradient) : shape_(shape.pooled()), gradient_(gradient) {}

  Row row(int image, int panel, int row) const {
    const ptrdiff_t first = shape_.plane(image, panel) + row / 2 * shape_.rowSize();
    return Row({gradient_.values + first, gradient_.choice + first}, row % 2 * 2);
  }

 private:
  Panels shape_;
  Gradient gradient_;
};

// The same, where output = elu(convolved) and its gradient are given.
class ThroughElu {
 public:
  class Row {
   public:
    Row(const float* gradient, const float* output) : gradient_(gradient), output_(output) {}
    Vector at(int column) const {
      const ptrdiff_t pixel = static_cast<ptrdiff_t>(column) * kLanes;
      prefetch(gradient_ + pixel + kAhead);
      prefetch(output_ + pixel + kAhead);
      return load(gradient_ + pixel) * eluSlope(load(output_ + pixel));
    }

   private:
    static constexpr ptrdiff_t kAhead = 32 * kLineFloats;

    const float* gradient_;
    const float* output_;
  };

  ThroughElu(const Convolution& shape, const float* gradient, const float* output)
      : shape_(shape.output()), gradient_(gradient), output_(output) {}

  Row row(int image, int panel, int row) const {
    const ptrdiff_t first = shape_.plane(image, panel) + row * shape_.rowSize();
    return Row(gradient_ + first, output_ + first);
  }

 private:
  Panels shape_;
  const float* gradient_;
  const float* output_;
};

// Adds the products of a row of gradients with `across` adjacent taps of three rows to sums [3, 3 in, kLanes], which
// start at the first of these taps, and the gradients to `alone` if it is not null.
template <int across, bool addsAlone, typename Row>
inline void addRow(const Convolution& shape, const float* window, ptrdiff_t rowSize, const Row& gradients, float* sums,
                   float* alone) {
  const ptrdiff_t sumsRow = static_cast<ptrdiff_t>(3) * shape.in * kLanes;
  Vector sum[3][across], sumAlone = {};
#pragma GCC unroll 3
  for (int down = 0; down < 3; ++down) {
#pragma GCC unroll 9
    for (int at = 0; at < across; ++at) sum[down][at] = load(sums + down * sumsRow + at * kLanes);
  }
  const float *first = window, *second = window + rowSize, *third = window + 2 * rowSize;
  for (int column = 0; column < shape.width; ++column) {
    const Vector gradient = gradients.at(column);
    if (addsAlone) sumAlone += gradient;
#pragma GCC unroll 9
    for (int at = 0; at < across; ++at) sum[0][at] += gradient * first[at];
#pragma GCC unroll 9
    for (int at = 0; at < across; ++at) sum[1][at] += gradient * second[at];
#pragma GCC unroll 9
    for (int at = 0; at < across; ++at) sum[2][at] += gradient * third[at];
    first += shape.in, second += shape.in, third += shape.in;
  }
#pragma GCC unroll 3
  for (int down = 0; down < 3; ++down) {
#pragma GCC unroll 9
    for (int at = 0; at < across; ++at) store(sums + down * sumsRow + at * kLanes, sum[down][at]);
  }
  if (addsAlone) store(alone, load(alone) + sumAlone);
}

// Adds the sums of one image and panel: [9 in, kLanes] with every tap, and of the gradients alone.
template <typename Gradients>
void addPlane(const Convolution& shape, const Framed& frame, const Gradients& gradients, int image, int panel,
              float* rowMemory, float* sums) {
  float* alone = sums + static_cast<ptrdiff_t>(9) * shape.in * kLanes;
  for (int y = 0; y < shape.height; ++y) {
    const auto row = gradients.row(image, panel, y);
    const float* window = frame.window(y, 0);
    if (kWideTaps && shape.in == 3) {
      addRow<9, true>(shape, window, frame.rowSize(), row, sums, alone);
      continue;
    }
    Vector sum = load(alone);
    for (int column = 0; column < shape.width; ++column) {
      const Vector gradient = row.at(column);
      sum += gradient;
      store(rowMemory + static_cast<ptrdiff_t>(column) * kLanes, gradient);
    }
    store(alone, sum);
    const Given::Row kept(rowMemory);
    for (int at = 0; at < 3 * shape.in; at += 3) {
      addRow<3, false>(shape, window + at, frame.rowSize(), kept, sums + static_cast<ptrdiff_t>(at) * kLanes, alone);
    }
  }
}

// Returns the sums [9 in + 1, out] over all pixels: of the gradient with every tap, and of the gradient alone.
template <typename Gradients>
std::vector<double> sumsOf(const Convolution& shape, const float* input, const Gradients& gradients) {
  const int taps = 9 * shape.in + 1, panels = shape.out / kLanes;
  const ptrdiff_t planeSums = static_cast<ptrdiff_t>(taps) * kLanes, size = planeSums * panels;
  const int count = (shape.batch + kImagesOfSum - 1) / kImagesOfSum;
  std::vector<double> parts(count * size);
  parallelFor(count, [&](int index) {
    double* part = &parts[index * size];
    float* sums = planeScratch.ofSize(planeSums + shape.output().rowSize());
    const int first = index * kImagesOfSum;
    for (int image = first; image < std::min(first + kImagesOfSum, shape.batch); ++image) {
      const Framed frame(shape, input, image);
      for (int panel = 0; panel < panels; ++panel) {
        std::fill(sums, sums + planeSums, 0.0f);
        addPlane(shape, frame, gradients, image, panel, sums + planeSums, sums);
        for (ptrdiff_t at = 0; at < planeSums; ++at) part[panel * planeSums + at] += sums[at];
      }
    }
  });
  std::vector<double> totals(size);
  for (int panel = 0; panel < panels; ++panel) {
    for (int tap = 0; tap < taps; ++tap) {
      for (int lane = 0; lane < kLanes; ++lane) {
        double& total = totals[static_cast<ptrdiff_t>(tap) * shape.out + panel * kLanes + lane];
        const double* from = &parts[panel * planeSums + tap * kLanes + lane];
        for (int index = 0; index < count; ++index) total += from[index * size];
      }
    }
  }
  return totals;
}

}  // namespace

void convolveFew(const Convolution& shape, const float* input, const float* filter, const Output& output) {
  const bool pools = output.choice != nullptr;
  const Panels result = pools ? shape.pooled() : shape.output();
  const std::vector<float> zeros(shape.out);
  parallelFor(shape.batch, [&](int index) {
    float* values = output.values + result.plane(index, 0);
    float* convolved = pools ? imageScratch.ofSize(shape.output().imageSize()) : values;
    outputImage(shape, Framed(shape, input, index), filter, zeros.data(), convolved, [](float*) {});
    if (pools) poolImage(result, convolved, values, output.choice + result.plane(index, 0));
    sumUp(result, values, index, *output.sums);
  });
}

void convolveFewActivated(const Convolution& shape, const float* input, const float* filter, const float* shift,
                          float* output) {
  const Panels result = shape.output();
  parallelFor(shape.batch, [&](int index) {
    outputImage(shape, Framed(shape, input, index), filter, shift, output + result.plane(index, 0), [&](float* row) {
      for (ptrdiff_t at = 0; at < result.rowSize(); at += kLanes) store(row + at, elu(load(row + at)));
    });
  });
}

void convolveFewFilterGradient(const Convolution& shape, const float* input, const Gradient& outputGradient,
                               float* filterGradient) {
  const std::vector<double> sums = outputGradient.choice != nullptr
                                       ? sumsOf(shape, input, Pooled(shape, outputGradient))
                                       : sumsOf(shape, input, Given(shape, outputGradient.values));
  const ptrdiff_t size = static_cast<ptrdiff_t>(9) * shape.in * shape.out;
  for (ptrdiff_t at = 0; at < size; ++at) filterGradient[at] = static_cast<float>(sums[at]);
}

std::vector<double> sumsThroughElu(const Convolution& shape, const float* input, const float* outputGradient,
                                   const float* output) {
  return sumsOf(shape, input, ThroughElu(shape, outputGradient, output));
}

}  // namespace haet
