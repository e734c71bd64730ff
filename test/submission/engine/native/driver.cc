// Runs the native kernels over many shapes without TensorFlow, for sanitizers, and compares convolutions with a direct
// sum in double precision. Exits with 0 if every result is close, and the same bit for bit with one thread and with
// several. What is close depends on the operands of the matrix products (runtime/operand.h).
// usage: driver THREADS [small]     small: for an emulator, without shapes of more than 25 million multiply-adds
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kernels/average.h"
#include "kernels/block.h"
#include "kernels/fewChannels.h"
#include "kernels/mirror.h"
#include "kernels/muon.h"
#include "kernels/sgd.h"
#include "runtime/operand.h"
#include "runtime/threadPool.h"

namespace {

using haet::Convolution;
using haet::Gradient;
using haet::kLanes;
using haet::Panels;
using Floats = std::vector<float>;

Floats normal(size_t count, std::mt19937& random) {
  std::normal_distribution<float> distribution;
  Floats values(count);
  for (float& value : values) value = distribution(random);
  return values;
}

// Returns the index of an image's value in panels.
size_t at(const Panels& shape, int image, int y, int x, int channel) {
  return shape.plane(image, channel / kLanes) + (static_cast<size_t>(y) * shape.width + x) * kLanes + channel % kLanes;
}

// Returns the shape with the next numbers of channels that fill panels; few channels stay.
Convolution inWholePanels(Convolution shape) {
  const auto whole = [](int channels) { return (channels + kLanes - 1) / kLanes * kLanes; };
  if (shape.in % 8 == 0) shape.in = whole(shape.in);
  shape.out = whole(shape.out);
  return shape;
}

struct Results {
  Floats output, inputGradient, filterGradient;
};

// Returns whether images with this number of channels are NHWC.
bool isFew(const Convolution& shape) { return shape.in % kLanes != 0; }

Results computed(const Convolution& shape, const Floats& input, const Floats& filter, const Gradient& outputGradient) {
  Results results{Floats(shape.output().floats(), NAN), Floats(input.size(), NAN), Floats(filter.size(), NAN)};
  haet::Scratch scratch;
  haet::PartialSums sums(isFew(shape) ? shape.batch : haet::partsOf(shape), shape.out, scratch);
  (isFew(shape) ? haet::convolveFew : haet::convolve)(shape, input.data(), filter.data(),
                                                      {results.output.data(), nullptr, &sums});
  if (isFew(shape)) {
    results.inputGradient.clear();  // not computed for images
    convolveFewFilterGradient(shape, input.data(), outputGradient, results.filterGradient.data());
    return results;
  }
  convolveInputGradient(shape, filter.data(), outputGradient, results.inputGradient.data());
  convolveFilterGradient(shape, input.data(), outputGradient, results.filterGradient.data());
  return results;
}

struct Errors {
  double largest = 0;  // relative to the largest value
  double rms = 0;      // relative to the root mean square of the values
};

// Of values that were computed with float32 operands, and with bfloat16 operands, whose rounding is 2^-9 at most.
constexpr Errors kMost = haet::kInterleaved == 1 ? Errors{2e-5, 2e-5} : Errors{0.15, 0.045};

Errors errorsOf(const Floats& values, const std::vector<double>& exact) {
  double difference = 0, largest = 1e-30, differences = 0, squares = 1e-30;
  for (size_t i = 0; i < values.size(); ++i) {
    const double distance = std::fabs(values[i] - exact[i]);
    if (std::isnan(distance)) return {INFINITY, INFINITY};
    difference = std::max(difference, distance);
    largest = std::max(largest, std::fabs(exact[i]));
    differences += distance * distance;
    squares += exact[i] * exact[i];
  }
  return {difference / largest, std::sqrt(differences / squares)};
}

Errors worse(const Errors& a, const Errors& b) { return {std::max(a.largest, b.largest), std::max(a.rms, b.rms)}; }

bool isRight(const Convolution& shape, int threads, std::mt19937& random) {
  const auto [batch, height, width, in, out] = shape;
  const Floats input = normal(static_cast<size_t>(batch) * height * width * in, random);
  const Floats filter = normal(static_cast<size_t>(9) * in * out, random);
  const Floats gradient = normal(shape.output().floats(), random);
  std::vector<double> output(gradient.size()), inputGradient(input.size()), filterGradient(filter.size());
  for (int n = 0; n < batch; ++n)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        for (int tap = 0; tap < 9; ++tap) {
          const int fromY = y + tap / 3 - 1, fromX = x + tap % 3 - 1;
          if (fromY < 0 || fromX < 0 || fromY >= height || fromX >= width) continue;
          for (int i = 0; i < in; ++i) {
            const size_t from = isFew(shape) ? ((static_cast<size_t>(n) * height + fromY) * width + fromX) * in + i
                                             : at(shape.input(), n, fromY, fromX, i);
            for (int o = 0; o < out; ++o) {
              const size_t to = at(shape.output(), n, y, x, o), weight = (static_cast<size_t>(tap) * in + i) * out + o;
              output[to] += static_cast<double>(input[from]) * filter[weight];
              inputGradient[from] += static_cast<double>(gradient[to]) * filter[weight];
              filterGradient[weight] += static_cast<double>(input[from]) * gradient[to];
            }
          }
        }

  haet::setThreads(1);
  const Results alone = computed(shape, input, filter, {gradient.data(), nullptr});
  haet::setThreads(threads);
  const Results together = computed(shape, input, filter, {gradient.data(), nullptr});
  const bool same = alone.output == together.output && alone.inputGradient == together.inputGradient &&
                    alone.filterGradient == together.filterGradient;
  Errors worst = worse(errorsOf(together.output, output), errorsOf(together.filterGradient, filterGradient));
  if (!isFew(shape)) worst = worse(worst, errorsOf(together.inputGradient, inputGradient));
  const bool close = worst.largest < kMost.largest && worst.rms < kMost.rms;
  std::printf("[%d, %d, %d, %d] to %d: error %.1e, rms %.1e, %s, %s\n", batch, height, width, in, out, worst.largest,
              worst.rms, close ? "close" : "OTHER THAN close", same ? "same bits" : "OTHER BITS");
  return same && close;
}

// Checks bit for bit that a gradient of pooled values gives the same result as the spread gradient of all values.
bool isSpread(const Convolution& shape, std::mt19937& random) {
  const Panels pooled = shape.pooled(), whole = shape.output();
  const Floats input = normal(static_cast<size_t>(shape.batch) * shape.height * shape.width * shape.in, random);
  const Floats filter = normal(static_cast<size_t>(9) * shape.in * shape.out, random);
  const Floats gradient = normal(pooled.floats(), random);
  std::vector<uint8_t> choice(gradient.size());
  for (uint8_t& each : choice) each = random() % 4;
  Floats spread(whole.floats());
  for (int n = 0; n < whole.batch; ++n)
    for (int y = 0; y < whole.height; ++y)
      for (int x = 0; x < whole.width; ++x)
        for (int o = 0; o < whole.channels; ++o) {
          const size_t from = at(pooled, n, y / 2, x / 2, o);
          spread[at(whole, n, y, x, o)] = choice[from] == y % 2 * 2 + x % 2 ? gradient[from] : 0;
        }
  const Results given = computed(shape, input, filter, {gradient.data(), choice.data()});
  const Results all = computed(shape, input, filter, {spread.data(), nullptr});
  const bool same = given.inputGradient == all.inputGradient && given.filterGradient == all.filterGradient;
  std::printf("pooled [%d, %d, %d, %d] to %d: %s\n", shape.batch, shape.height, shape.width, shape.in, shape.out,
              same ? "same bits" : "OTHER BITS");
  return same;
}

// Runs a whole block, forward, backward and with given statistics. Returns all its outputs in a row.
Floats passes(const haet::Block& block, const Floats& input, const Floats& filter, const Floats& offset,
              const Floats& gradient) {
  const size_t size = block.result().floats(), channels = offset.size();
  Floats output(size, NAN), values(block.keptValues(), NAN), predicted(size, NAN);
  Floats mean(channels, NAN), variance(channels, NAN), inverse(channels, NAN), offsetGradient(channels, NAN);
  std::vector<uint8_t> choice(block.pools ? size : 0, 255);
  Floats inputGradient(block.isPicture ? 0 : input.size(), NAN), filterGradient(filter.size(), NAN);
  uint8_t* choices = block.pools ? choice.data() : nullptr;
  const haet::Kept kept{values.data(), choices, {mean.data(), variance.data(), inverse.data()}};
  forward(block, input.data(), filter.data(), offset.data(), output.data(), kept);
  forwardWith(block, input.data(), filter.data(), offset.data(), mean.data(), variance.data(), predicted.data());
  backward(block, gradient.data(), input.data(), filter.data(), output.data(),
           {values.data(), choices, mean.data(), inverse.data()},
           {block.isPicture ? nullptr : inputGradient.data(), filterGradient.data(), offsetGradient.data()});
  for (const Floats* each :
       {&values, &predicted, &mean, &variance, &inverse, &inputGradient, &filterGradient, &offsetGradient}) {
    output.insert(output.end(), each->begin(), each->end());
  }
  output.insert(output.end(), choice.begin(), choice.end());
  return output;
}

// What both passes of a block with one value per channel and pixel compute.
struct BlockResults {
  std::vector<double> output, mean, variance, filterGradient, offsetGradient;
};

// Computes an unpooled block of images directly from the formulas, in double precision.
BlockResults expectedOf(const haet::Block& block, const Floats& input, const Floats& filter, const Floats& offset,
                        const Floats& gradient) {
  const auto [batch, height, width, in, out] = block.convolution;
  const Panels result = block.result();
  const double count = result.pixels();
  BlockResults results{std::vector<double>(result.floats()), std::vector<double>(out), std::vector<double>(out),
                       std::vector<double>(filter.size()), std::vector<double>(out)};
  // Calls body(image, y, x, index of the input, first index of the weights) for every product of one channel.
  const auto eachProduct = [&](const auto& body) {
    for (int n = 0; n < batch; ++n)
      for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
          for (int tap = 0; tap < 9; ++tap) {
            const int fromY = y + tap / 3 - 1, fromX = x + tap % 3 - 1;
            if (fromY < 0 || fromX < 0 || fromY >= height || fromX >= width) continue;
            for (int i = 0; i < in; ++i) {
              body(n, y, x, ((static_cast<size_t>(n) * height + fromY) * width + fromX) * in + i,
                   (static_cast<size_t>(tap) * in + i) * out);
            }
          }
  };
  std::vector<double> values(result.floats()), valueGradient(values.size());
  eachProduct([&](int n, int y, int x, size_t from, size_t weight) {
    for (int o = 0; o < out; ++o) {
      values[at(result, n, y, x, o)] += static_cast<double>(input[from]) * filter[weight + o];
    }
  });
  for (int o = 0; o < out; ++o) {
    const auto eachPixel = [&](const auto& body) {
      for (int n = 0; n < batch; ++n)
        for (int y = 0; y < height; ++y)
          for (int x = 0; x < width; ++x) body(at(result, n, y, x, o));
    };
    double mean = 0, spread = 0, sum = 0, product = 0;
    eachPixel([&](size_t each) { mean += values[each] / count; });
    eachPixel([&](size_t each) { spread += (values[each] - mean) * (values[each] - mean) / count; });
    const double inverse = 1 / std::sqrt(spread + block.normalise.epsilon), alpha = block.normalise.alpha;
    eachPixel([&](size_t each) {
      const double normalised = (values[each] - mean) * inverse, activation = (normalised + offset[o]) / alpha;
      results.output[each] = activation > 0 ? activation : std::expm1(activation);
      valueGradient[each] = gradient[each] * (activation > 0 ? 1 : std::exp(activation)) / alpha;
      sum += valueGradient[each];
      product += valueGradient[each] * normalised;
    });
    eachPixel([&](size_t each) {
      const double normalised = (values[each] - mean) * inverse;
      valueGradient[each] = inverse * (valueGradient[each] - sum / count - normalised * product / count);
    });
    results.mean[o] = mean;
    results.variance[o] = spread * count / (count - 1);
    results.offsetGradient[o] = sum;
  }
  eachProduct([&](int n, int y, int x, size_t from, size_t weight) {
    for (int o = 0; o < out; ++o) {
      results.filterGradient[weight + o] += static_cast<double>(input[from]) * valueGradient[at(result, n, y, x, o)];
    }
  });
  return results;
}

// Compares an unpooled block of images, which never computes the input of its batch norm, with the formulas.
bool isRightBlock(const Convolution& shape, std::mt19937& random) {
  const haet::Block block{shape, true, false, {0.3f, 1e-5f}};
  const Floats input = normal(static_cast<size_t>(shape.batch) * shape.height * shape.width * shape.in, random);
  const Floats filter = normal(static_cast<size_t>(9) * shape.in * shape.out, random);
  const Floats offset = normal(shape.out, random), gradient = normal(block.result().floats(), random);
  const auto [output, mean, variance, filterGradient, offsetGradient] =
      expectedOf(block, input, filter, offset, gradient);
  const size_t size = output.size(), out = offset.size();
  Floats values(block.keptValues(), NAN), ours(size, NAN), predicted(size, NAN), ourMean(out, NAN),
      ourVariance(out, NAN), inverse(out, NAN), ourFilter(filter.size(), NAN), ourOffset(out, NAN);
  const haet::Kept kept{values.data(), nullptr, {ourMean.data(), ourVariance.data(), inverse.data()}};
  forward(block, input.data(), filter.data(), offset.data(), ours.data(), kept);
  backward(block, gradient.data(), input.data(), filter.data(), ours.data(),
           {values.data(), nullptr, ourMean.data(), inverse.data()}, {nullptr, ourFilter.data(), ourOffset.data()});
  const Floats unbiased(variance.begin(), variance.end()), exactMean(mean.begin(), mean.end());
  Floats biased = unbiased;
  const double count = block.result().pixels();
  for (float& each : biased) each = static_cast<float>(each * (count - 1) / count);
  forwardWith(block, input.data(), filter.data(), offset.data(), exactMean.data(), biased.data(), predicted.data());
  Errors worst;
  const std::pair<const Floats*, const std::vector<double>*> all[] = {
      {&ours, &output},
      {&ourMean, &mean},
      {&ourVariance, &variance},
      {&ourFilter, &filterGradient},
      {&ourOffset, &offsetGradient},
      {&predicted, &output},
  };
  for (const auto& [some, expected] : all) worst = worse(worst, errorsOf(*some, *expected));
  const bool close = worst.largest < 2e-5 && worst.rms < 2e-5;  // images are multiplied in float32 by every variant
  std::printf("block of images [%d, %d, %d, %d] to %d: error %.1e, rms %.1e, %s\n", shape.batch, shape.height,
              shape.width, shape.in, shape.out, worst.largest, worst.rms, close ? "close" : "OTHER THAN close");
  return close;
}

#if HAET_BFLOAT16
// Checks that a value is rounded to the nearest operand, ties to even, alone and as the first and second of two rows.
bool rounds(float value, uint16_t expected) {
  using haet::Vector;
  haet::Operand alone[kLanes], both[2 * kLanes];
  const Vector values = Vector{} + value, others = Vector{} + 1.0f;
  haet::store(alone, values);
  haet::storeInterleaved(both, values, others);
  bool right = alone[0] == expected && alone[kLanes - 1] == expected && both[0] == expected && both[1] == 0x3f80 &&
               both[2 * kLanes - 2] == expected && both[2 * kLanes - 1] == 0x3f80;
  haet::storeInterleaved(both, others, values);
  right = right && both[0] == 0x3f80 && both[1] == expected && both[2 * kLanes - 1] == expected;
  if (!right) std::printf("%a is %x and %x: OTHER THAN %x\n", value, alone[0], both[1], expected);
  return right;
}

// Checks sums of products that are exact in float32.
bool addsExactly() {
  haet::Operand left[2], right[2 * kLanes];
  haet::Vector first, second;
  for (int lane = 0; lane < kLanes; ++lane) first[lane] = lane - 3, second[lane] = 0.5f * lane;
  haet::storeInterleaved(right, first, second);
  haet::Operand row[kLanes];
  haet::store(row, haet::Vector{} + 5.0f);
  left[0] = row[0];
  haet::store(row, haet::Vector{} - 7.0f);
  left[1] = row[0];
  const haet::Vector sum = haet::addProducts(haet::Vector{} + 0.25f, haet::loadOperands(right), left);
  for (int lane = 0; lane < kLanes; ++lane) {
    if (sum[lane] != 0.25f + 5 * first[lane] - 7 * second[lane]) {
      return std::printf("lane %d: OTHER sum %f\n", lane, sum[lane]), false;
    }
  }
  return true;
}

bool operandsAreRight() {
  bool right = addsExactly();
  // Halfway between two operands, just above and just below, the largest number, and what is no number.
  const std::pair<float, uint16_t> cases[] = {
      {1.0f, 0x3f80},
      {-2.5f, 0xc020},
      {0x1.01p0f, 0x3f80},
      {0x1.03p0f, 0x3f82},
      {0x1.010002p0f, 0x3f81},
      {0x1.00fffep0f, 0x3f80},
      {-0x1.03p0f, 0xbf82},
      {0.0f, 0},
      {0x1.fffffep127f, 0x7f80},
      {INFINITY, 0x7f80},
      {-INFINITY, 0xff80},
  };
  for (const auto& [value, expected] : cases) right = rounds(value, expected) && right;
  haet::Operand row[kLanes];
  haet::store(row, haet::Vector{} + NAN);
  if (!std::isnan(haet::floatOf(row[0]))) {
    std::printf("NaN became OTHER\n");
    right = false;
  }
  return right;
}
#endif

// Checks the variance of values whose mean is ten thousand times their deviation.
bool keepsVariance(std::mt19937& random) {
  const Floats values = normal(kLanes * 1000, random);
  haet::Scratch scratch;
  haet::PartialSums all(10, kLanes, scratch);
  for (int part = 0; part < 10; ++part) {
    haet::Sums sums;
    for (int at = part * 100; at < part * 100 + 100; ++at) sums.add(haet::load(&values[kLanes * at]) + 10000);
    all.put(part, 0, sums);
  }
  const auto totals = all.total(0);
  double sum = 0, squares = 0;
  for (int at = 0; at < 1000; ++at) {
    const double value = values[kLanes * at] + 10000.0f;  // as it was added
    sum += value - 10000, squares += (value - 10000) * (value - 10000);
  }
  const double variance = squares / 1000 - sum * sum / 1e6, mean = totals[0].sum / totals[0].count;
  const double ours = totals[0].squares / totals[0].count - mean * mean;
  const bool right = std::fabs(ours / variance - 1) < 1e-4 && std::fabs(mean - 10000 - sum / 1000) < 1e-4;
  std::printf("variance %.6f of %.6f: %s\n", ours, variance, right ? "near" : "OTHER THAN near");
  return right;
}

// Updates two weight tensors and returns both: a matrix, centralized, and the first of its rows as a tensor that is
// not.
Floats updated(long inputs, int units, const Floats& weight, const Floats& velocity, const Floats& gradient) {
  Floats newWeight(weight.size(), NAN), newVelocity(weight.size(), NAN), newRow(units, NAN), newRowVelocity(units, NAN);
  haet::sgd({{inputs, units, true, 0.1f, 0.9f, 1e-3f, weight.data(), velocity.data(), gradient.data(), newWeight.data(),
              newVelocity.data()},
             {1, units, false, 0.2f, 0.9f, 1e-2f, weight.data(), velocity.data(), gradient.data(), newRow.data(),
              newRowVelocity.data()}});
  for (const Floats* each : {&newVelocity, &newRow, &newRowVelocity}) {
    newWeight.insert(newWeight.end(), each->begin(), each->end());
  }
  return newWeight;
}

// Updates a filter by Muon, and a part of it as another.
Floats movedByMuon(long inputs, int units, const Floats& weight, const Floats& velocity, const Floats& gradient) {
  Floats newWeight(weight.size(), NAN), newVelocity(weight.size(), NAN), newPart(3 * units, NAN),
      newPartVelocity(3 * units, NAN);
  haet::muon({{inputs, units, true, 0.1f, 0.9f, 0, weight.data(), velocity.data(), gradient.data(), newWeight.data(),
               newVelocity.data()},
              {3, units, false, 0.2f, 0.9f, 1e-2f, weight.data(), velocity.data(), gradient.data(), newPart.data(),
               newPartVelocity.data()}},
             5);
  for (const Floats* each : {&newVelocity, &newPart, &newPartVelocity}) {
    newWeight.insert(newWeight.end(), each->begin(), each->end());
  }
  return newWeight;
}

// Averages two tensors, one of them longer than one thread's share, and one without values between them.
Floats averaged(const Floats& average, const Floats& latest) {
  const long count = average.size();
  Floats whole(count, NAN), part(3, NAN);
  haet::average({{count, average.data(), latest.data(), whole.data()},
                 {0, nullptr, nullptr, nullptr},
                 {3, latest.data(), average.data(), part.data()}},
                0.75f);
  whole.insert(whole.end(), part.begin(), part.end());
  return whole;
}

// Mirrors a filter of several shares, one without values and a vector, and folds the results back.
Floats mirrored(const Floats& stored) {
  constexpr int kIn = 40, kHalf = 111;
  const haet::MirrorShape shape{3, 3, kIn, kHalf}, empty{3, 3, kIn, 0}, vector{1, 1, 1, 7};
  Floats whole(2 * shape.rows() * kHalf, NAN), ends(14, NAN), sums(shape.rows() * kHalf, NAN), few(7, NAN);
  haet::mirror({{shape, true, stored.data(), whole.data()},
                {empty, true, nullptr, nullptr},
                {vector, false, stored.data(), ends.data()}});
  haet::mirrorGradient({{shape, true, whole.data(), sums.data()},
                        {empty, true, nullptr, nullptr},
                        {vector, false, ends.data(), few.data()}});
  sums.insert(sums.end(), few.begin(), few.end());
  for (size_t at = 0; at < sums.size(); ++at) {
    // Both occurrences of a weight hold its value.
    const float value = stored[at % (shape.rows() * kHalf)];
    if (sums[at] != value + value) sums[at] = NAN;
  }
  whole.insert(whole.end(), ends.begin(), ends.end());
  whole.insert(whole.end(), sums.begin(), sums.end());
  return whole;
}

template <typename Run>
bool isSame(const char* name, int threads, const Run& run) {
  haet::setThreads(1);
  const Floats alone = run();
  haet::setThreads(threads);
  const Floats together = run();
  const bool finite = std::all_of(alone.begin(), alone.end(), [](float value) { return std::isfinite(value); });
  std::printf("%s: %s, %s\n", name, finite ? "finite" : "OTHER THAN finite",
              alone == together ? "same bits" : "OTHER BITS");
  return finite && alone == together;
}

// Checks that an exception of a body reaches the caller from any thread, and that the threads continue to work.
bool throwsOn(int threads) {
  haet::setThreads(threads);
  for (int thrower = 0; thrower < 50; ++thrower) {
    bool thrown = false;
    try {
      haet::parallelFor(50, [&](int index) {
        if (index == thrower) throw std::runtime_error("on purpose");
      });
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    if (!thrown) return std::printf("OTHER: an exception was lost\n"), false;
  }
  std::atomic<int> count{0};
  haet::parallelFor(50, [&](int) { ++count; });
  return count == 50;
}

}  // namespace

int main(int argc, char** argv) {
  const bool small = argc == 3 && std::string(argv[2]) == "small";
  if (argc != 2 && !small) return std::fprintf(stderr, "usage: driver THREADS [small]\n"), 2;
  const int threads = std::atoi(argv[1]);
  const auto isLeftOut = [&](const Convolution& shape) {
    return small && 9.0 * shape.batch * shape.height * shape.width * shape.in * shape.out > 2.5e7;
  };
  std::mt19937 random(1);
  const Convolution shapes[] = {
      {1, 1, 1, 8, 8},   {1, 4, 4, 8, 8},   {3, 8, 8, 8, 16},    {2, 5, 7, 24, 40},
      {1, 3, 9, 16, 8},  {7, 4, 4, 48, 56}, {2, 32, 32, 8, 24},  {33, 2, 2, 16, 32},
      {1, 6, 6, 520, 8}, {1, 4, 4, 8, 264}, {70, 8, 8, 8, 8},    {5, 12, 4, 72, 64},
      {300, 4, 4, 8, 8}, {1, 40, 40, 8, 8}, {3, 6, 5, 136, 128}, {129, 1, 1, 136, 128},  // large filters
      {19, 8, 8, 3, 64}, {2, 3, 5, 1, 8},   {9, 1, 1, 5, 40},    {1, 6, 7, 12, 24},      // few channels
  };
  bool right = true;
#if HAET_BFLOAT16
  right = operandsAreRight();
#endif
  for (const Convolution& shape : shapes) {
    if (!isLeftOut(shape)) right = isRight(inWholePanels(shape), threads, random) && right;
  }
  for (const Convolution& some : {Convolution{3, 8, 8, 8, 16},
                                  {2, 6, 10, 24, 40},
                                  {1, 2, 2, 8, 8},
                                  {3, 6, 4, 136, 128},
                                  {40, 8, 8, 136, 128},
                                  {9, 4, 6, 3, 16}}) {
    if (isLeftOut(some)) continue;
    const Convolution shape = inWholePanels(some);
    right = isSpread(shape, random) && right;
    for (const bool pools : {false, true}) {
      const haet::Block block{shape, isFew(shape), pools, {0.3f, 1e-5f}};
      const Floats input = normal(static_cast<size_t>(shape.batch) * shape.height * shape.width * shape.in, random);
      const Floats filter = normal(static_cast<size_t>(9) * shape.in * shape.out, random);
      const Floats offset = normal(shape.out, random), gradient = normal(block.result().floats(), random);
      right = isSame("block", threads, [&] { return passes(block, input, filter, offset, gradient); }) && right;
    }
  }
  for (const Convolution& shape : {Convolution{19, 32, 32, 3, 64},
                                   {3, 17, 9, 3, 32},
                                   {40, 1, 5, 3, 16},
                                   {40, 5, 1, 1, 48},
                                   {9, 2, 2, 2, 16},
                                   {2, 3, 21, 5, 80},
                                   {33, 1, 1, 3, 16}}) {
    if (!isLeftOut(shape)) right = isRightBlock(inWholePanels(shape), random) && right;
  }
  right = keepsVariance(random) && right;
  for (const long rows : {1, 63, 64, 65, 300}) {
    const Floats weight = normal(rows * 7, random), velocity = normal(rows * 7, random),
                 gradient = normal(rows * 7, random);
    right = isSame("update", threads, [&] { return updated(rows, 7, weight, velocity, gradient); }) && right;
  }
  // Rows and columns in less than a panel, in whole panels, and in several bands.
  for (const auto& [rows, units] : {std::pair<long, int>{3, 1}, {27, 24}, {64, 16}, {144, 72}, {200, 100}}) {
    const Floats weight = normal(rows * units, random), velocity = normal(rows * units, random),
                 gradient = normal(rows * units, random);
    const int columns = units;
    right =
        isSame("Muon", threads, [&, rows = rows] { return movedByMuon(rows, columns, weight, velocity, gradient); }) &&
        right;
  }
  const Floats old = normal(40000, random), latest = normal(40000, random);
  right = isSame("mirror", threads, [&] { return mirrored(old); }) && right;
  right = isSame("average", threads, [&] { return averaged(old, latest); }) && right;
  for (const int count : {1, threads}) right = throwsOn(count) && right;
  return right ? 0 : 1;
}
