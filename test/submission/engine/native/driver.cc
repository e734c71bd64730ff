// Runs the native kernels over shapes, alone, for sanitizers; the convolutions beside a sum as it is written, in double
// precision. Exits with 0 where every result is near, and is the same to the bit with one thread and with several.
// usage: driver THREADS
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <stdexcept>
#include <vector>

#include "convolution.h"
#include "fewChannels.h"
#include "normalise.h"
#include "sgd.h"
#include "threadPool.h"

namespace {

using haet::Convolution;
using Floats = std::vector<float>;

struct Results {
  Floats output, inputGradient, filterGradient;
};

Floats normal(size_t count, std::mt19937& random) {
  std::normal_distribution<float> distribution;
  Floats values(count);
  for (float& value : values) value = distribution(random);
  return values;
}

Results computed(const Convolution& shape, const Floats& input, const Floats& filter, const Floats& outputGradient) {
  Results results{Floats(outputGradient.size(), NAN), Floats(input.size(), NAN), Floats(filter.size(), NAN)};
  if (shape.in % 8 != 0) {
    results.inputGradient.clear();  // nobody wants it
    convolveFew(shape, input.data(), filter.data(), results.output.data());
    convolveFewFilterGradient(shape, input.data(), outputGradient.data(), results.filterGradient.data());
    return results;
  }
  convolve(shape, input.data(), filter.data(), results.output.data());
  convolveInputGradient(shape, filter.data(), outputGradient.data(), results.inputGradient.data());
  convolveFilterGradient(shape, input.data(), outputGradient.data(), results.filterGradient.data());
  return results;
}

// Largest difference, as a share of the largest value.
double error(const Floats& values, const std::vector<double>& exact) {
  double difference = 0, largest = 1e-30;
  for (size_t i = 0; i < values.size(); ++i) {
    const double distance = std::fabs(values[i] - exact[i]);
    if (std::isnan(distance)) return INFINITY;
    difference = std::max(difference, distance);
    largest = std::max(largest, std::fabs(exact[i]));
  }
  return difference / largest;
}

bool isRight(const Convolution& shape, int threads, std::mt19937& random) {
  const auto [batch, height, width, in, out] = shape;
  const Floats input = normal(static_cast<size_t>(batch) * height * width * in, random);
  const Floats filter = normal(static_cast<size_t>(9) * in * out, random);
  const Floats gradient = normal(static_cast<size_t>(batch) * height * width * out, random);
  std::vector<double> output(gradient.size()), inputGradient(input.size()), filterGradient(filter.size());
  for (int n = 0; n < batch; ++n)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        for (int tap = 0; tap < 9; ++tap) {
          const int fromY = y + tap / 3 - 1, fromX = x + tap % 3 - 1;
          if (fromY < 0 || fromX < 0 || fromY >= height || fromX >= width) continue;
          const size_t from = ((static_cast<size_t>(n) * height + fromY) * width + fromX) * in;
          const size_t to = ((static_cast<size_t>(n) * height + y) * width + x) * out;
          for (int i = 0; i < in; ++i)
            for (int o = 0; o < out; ++o) {
              const size_t weight = (static_cast<size_t>(tap) * in + i) * out + o;
              output[to + o] += static_cast<double>(input[from + i]) * filter[weight];
              inputGradient[from + i] += static_cast<double>(gradient[to + o]) * filter[weight];
              filterGradient[weight] += static_cast<double>(input[from + i]) * gradient[to + o];
            }
        }

  haet::setThreads(1);
  const Results alone = computed(shape, input, filter, gradient);
  haet::setThreads(threads);
  const Results together = computed(shape, input, filter, gradient);
  const bool same = alone.output == together.output && alone.inputGradient == together.inputGradient &&
                    alone.filterGradient == together.filterGradient;
  const double worst = std::max({error(together.output, output), in % 8 == 0 ? error(together.inputGradient, inputGradient) : 0,
                                 error(together.filterGradient, filterGradient)});
  std::printf("[%d, %d, %d, %d] to %d: error %.1e, %s\n", batch, height, width, in, out, worst,
              same ? "same bits" : "OTHER BITS");
  return same && worst < 2e-5;
}

// What follows a convolution, forward and backward: everything it writes, one after the other.
Floats tails(const haet::Normalise& shape, const Floats& input, const Floats& offset, const Floats& gradient) {
  const size_t channels = shape.channels, pixels = shape.outPixels();
  Floats output(pixels * channels, NAN), pooled(shape.pool ? output.size() : 0, NAN);
  std::vector<uint8_t> choice(pooled.size());
  Floats mean(channels), variance(channels), inverse(channels), inputGradient(input.size(), NAN), offsetGradient(channels);
  haet::normalise(shape, input.data(), offset.data(), output.data(), pooled.data(), choice.data(),
            {mean.data(), variance.data(), inverse.data()});
  haet::normaliseGradient(shape, gradient.data(), output.data(), shape.pool ? pooled.data() : input.data(), choice.data(),
                    mean.data(), inverse.data(), inputGradient.data(), offsetGradient.data());
  for (const Floats* each : {&pooled, &mean, &variance, &inverse, &inputGradient, &offsetGradient}) {
    output.insert(output.end(), each->begin(), each->end());
  }
  return output;
}

Floats updated(long inputs, int units, bool centralized, const Floats& weight, const Floats& velocity,
               const Floats& gradient) {
  Floats newWeight(weight.size(), NAN), newVelocity(weight.size(), NAN);
  haet::sgd({0.1f, 0.9f, 1e-3f}, inputs, units, centralized, weight.data(), velocity.data(), gradient.data(),
      newWeight.data(), newVelocity.data());
  newWeight.insert(newWeight.end(), newVelocity.begin(), newVelocity.end());
  return newWeight;
}

template <typename Run>
bool isSame(const char* name, int threads, const Run& run) {
  haet::setThreads(1);
  const Floats alone = run();
  haet::setThreads(threads);
  const Floats together = run();
  const bool finite = std::all_of(alone.begin(), alone.end(), [](float value) { return std::isfinite(value); });
  std::printf("%s: %s, %s\n", name, finite ? "finite" : "OTHER THAN finite", alone == together ? "same bits" : "OTHER BITS");
  return finite && alone == together;
}

// What a body throws reaches the caller, whoever ran it, and the threads go on working.
bool throwsOn(int threads) {
  haet::setThreads(threads);
  for (int thrower = 0; thrower < 50; ++thrower) {
    bool thrown = false;
    try {
      haet::parallelFor(50, [&](int index, int) {
        if (index == thrower) throw std::runtime_error("on purpose");
      });
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    if (!thrown) return std::printf("OTHER: an exception was lost\n"), false;
  }
  std::atomic<int> count{0};
  haet::parallelFor(50, [&](int, int) { ++count; });
  return count == 50;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: driver THREADS\n"), 2;
  const int threads = std::atoi(argv[1]);
  std::mt19937 random(1);
  const Convolution shapes[] = {
      {1, 1, 1, 8, 8},    {1, 4, 4, 8, 8},     {3, 8, 8, 8, 16},    {2, 5, 7, 24, 40}, {1, 3, 9, 16, 8},
      {7, 4, 4, 48, 56},  {2, 32, 32, 8, 24},  {33, 2, 2, 16, 32},  {1, 6, 6, 520, 8}, {1, 4, 4, 8, 264},
      {70, 8, 8, 8, 8},   {5, 12, 4, 72, 64},  {300, 4, 4, 8, 8},   {1, 40, 40, 8, 8},
      {3, 6, 5, 136, 128}, {129, 1, 1, 136, 128},                                         // large filters
      {19, 8, 8, 3, 64},  {2, 3, 5, 1, 8},     {9, 1, 1, 5, 40},    {1, 6, 7, 12, 24},    // few channels
  };
  bool right = true;
  for (const Convolution& shape : shapes) right = isRight(shape, threads, random) && right;
  for (const haet::Normalise& shape : {haet::Normalise{1, 2, 2, 8, true, 0.3f, 1e-5f}, {3, 1, 1, 8, false, 1, 1e-5f},
                                       {5, 4, 6, 24, true, 0.3f, 1e-5f}, {17, 3, 5, 40, false, 0.3f, 1e-5f}}) {
    const size_t inputs = static_cast<size_t>(shape.batch) * shape.height * shape.width * shape.channels;
    const Floats input = normal(inputs, random), offset = normal(shape.channels, random);
    const Floats gradient = normal(shape.outPixels() * shape.channels, random);
    right = isSame("tail", threads, [&] { return tails(shape, input, offset, gradient); }) && right;
  }
  for (const long rows : {1, 63, 64, 65, 300}) {
    const Floats weight = normal(rows * 7, random), velocity = normal(rows * 7, random), gradient = normal(rows * 7, random);
    right = isSame("update", threads, [&] { return updated(rows, 7, rows > 1, weight, velocity, gradient); }) && right;
  }
  for (const int count : {1, threads}) right = throwsOn(count) && right;
  return right ? 0 : 1;
}
