// Theory of operation
//
// All of this is bound by memory, so it is done in as few passes as there can be. Forward: one that pools and sums up for
// the moments, one that normalises and applies the activation. Backward: one that sums up what the gradients of the
// moments need, one that writes the gradient, spread over the window where the forward pass has pooled.
//
// Sums are taken image by image, and then over the images in double precision, in their order: they are the same
// whatever the number of threads. They are of differences to the first pixel's values, which keeps the variance exact
// where the mean is far from zero.
#include "normalise.h"

#include <cmath>
#include <vector>

#include "threadPool.h"
#include "vector.h"

namespace haet {
namespace {

// Two sums a channel for every image.
class Sums {
 public:
  Sums(int images, int channels) : channels_(channels), values_(2l * images * channels) {}

  float* of(int image) { return values_.data() + 2l * image * channels_; }

  // The two sums over all images, of one channel.
  struct Pair {
    double first = 0, second = 0;
  };
  Pair total(int channel) const {
    Pair pair;
    for (size_t at = channel; at < values_.size(); at += 2l * channels_) {
      pair.first += values_[at];
      pair.second += values_[at + channels_];
    }
    return pair;
  }

 private:
  int channels_;
  std::vector<float> values_;
};

inline void add(float* sums, int channels, int channel, const Vector& first, const Vector& second) {
  store(sums + channel, load(sums + channel) + first);
  store(sums + channels + channel, load(sums + channels + channel) + second);
}

// Pools one image, or takes it as it is, and sums up differences to `origin` and their squares.
void poolAndSum(const Normalise& shape, const float* input, const float* origin, float* pooled, uint8_t* choice,
                float* sums) {
  const int channels = shape.channels, row = shape.width * channels;
  for (int y = 0; y < shape.outHeight(); ++y) {
    for (int x = 0; x < shape.outWidth(); ++x) {
      const float* from = shape.pool ? input + 2l * y * row + 2l * x * channels : input + y * row + x * channels;
      for (int channel = 0; channel < channels; channel += kLanes, from += kLanes) {
        Vector value = load(from);
        if (shape.pool) {
          Integers chosen = {};
          const float* others[] = {from + channels, from + row, from + row + channels};
          for (int other = 0; other < 3; ++other) {
            const Vector candidate = load(others[other]);
            // What is not a number is larger than any, so that it is seen.
            const Integers larger = (candidate > value) | (candidate != candidate);
            value = larger ? candidate : value;
            chosen = larger ? Integers{} + (other + 1) : chosen;
          }
          store(pooled, value);
          storeBytes(choice, chosen);
          pooled += kLanes;
          choice += kLanes;
        }
        const Vector difference = value - load(origin + channel);
        add(sums, channels, channel, difference, difference * difference);
      }
    }
  }
}

}  // namespace

void normalise(const Normalise& shape, const float* input, const float* offset, float* output, float* pooled,
               uint8_t* choice, const Moments& moments) {
  const int channels = shape.channels;
  const long inImage = static_cast<long>(shape.height) * shape.width * channels;
  const long outImage = static_cast<long>(shape.outHeight()) * shape.outWidth() * channels;
  const double count = shape.outPixels();
  Sums sums(shape.batch, channels);
  parallelFor(shape.batch, [&](int image, int) {
    float* to = shape.pool ? pooled + image * outImage : nullptr;
    uint8_t* chosen = shape.pool ? choice + image * outImage : nullptr;
    poolAndSum(shape, input + image * inImage, input, to, chosen, sums.of(image));
  });

  std::vector<float> scale(channels), shift(channels);
  for (int channel = 0; channel < channels; ++channel) {
    const auto [sum, squares] = sums.total(channel);
    const double difference = sum / count;
    const double spreadBefore = squares / count - difference * difference;
    const double spread = spreadBefore < 0 ? 0 : spreadBefore;  // by rounding; what is not a number stays none
    const double inverse = 1 / std::sqrt(spread + shape.epsilon);
    moments.mean[channel] = static_cast<float>(input[channel] + difference);
    moments.variance[channel] = static_cast<float>(spread * (count > 1 ? count / (count - 1) : 1));
    moments.inverse[channel] = static_cast<float>(inverse);
    scale[channel] = static_cast<float>(inverse / shape.alpha);
    shift[channel] = static_cast<float>((offset[channel] - (input[channel] + difference) * inverse) / shape.alpha);
  }

  const float* values = shape.pool ? pooled : input;
  parallelFor(shape.batch, [&](int image, int) {
    const float* from = values + image * outImage;
    float* to = output + image * outImage;
    for (long at = 0; at < outImage; at += channels) {
      for (int channel = 0; channel < channels; channel += kLanes) {
        const Vector normalised = load(from + at + channel) * load(&scale[channel]) + load(&shift[channel]);
        store(to + at + channel, elu(normalised));
      }
    }
  });
}

void normaliseGradient(const Normalise& shape, const float* outputGradient, const float* output, const float* pooled,
                       const uint8_t* choice, const float* mean, const float* inverse, float* inputGradient,
                       float* offsetGradient) {
  const int channels = shape.channels, row = shape.width * channels;
  const long inImage = static_cast<long>(shape.height) * row;
  const long outImage = static_cast<long>(shape.outHeight()) * shape.outWidth() * channels;
  const double count = shape.outPixels();
  // Gradient to the normalised values: elu'(n) is 1 above zero, and elu(n) + 1 below.
  const auto normalisedGradient = [](const float* gradient, const float* output) {
    const Vector activated = load(output);
    const Vector slope = activated > 0 ? Vector{} + 1 : activated + 1;
    return load(gradient) * slope;
  };

  Sums sums(shape.batch, channels);
  parallelFor(shape.batch, [&](int image, int) {
    const long first = image * outImage;
    float* sum = sums.of(image);
    for (long at = first; at < first + outImage; at += channels) {
      for (int channel = 0; channel < channels; channel += kLanes) {
        const Vector gradient = normalisedGradient(outputGradient + at + channel, output + at + channel);
        add(sum, channels, channel, gradient, gradient * (load(pooled + at + channel) - load(mean + channel)));
      }
    }
  });

  // gradient to a value = scale * (gradient - its mean) - slope * (value - mean of values)
  std::vector<float> scale(channels), constant(channels), slope(channels);
  for (int channel = 0; channel < channels; ++channel) {
    const auto [sum, product] = sums.total(channel);
    const double factor = inverse[channel] / shape.alpha;
    offsetGradient[channel] = static_cast<float>(sum / shape.alpha);
    scale[channel] = static_cast<float>(factor);
    slope[channel] = static_cast<float>(factor * inverse[channel] * inverse[channel] * product / count);
    constant[channel] = static_cast<float>(static_cast<double>(slope[channel]) * mean[channel] - factor * sum / count);
  }

  parallelFor(shape.batch, [&](int image, int) {
    long at = image * outImage;
    for (int y = 0; y < shape.outHeight(); ++y) {
      float* to = inputGradient + image * inImage + static_cast<long>(shape.pool ? 2 * y : y) * row;
      for (int x = 0; x < shape.outWidth(); ++x, to += shape.pool ? channels : 0) {
        for (int channel = 0; channel < channels; channel += kLanes, at += kLanes, to += kLanes) {
          const Vector gradient = normalisedGradient(outputGradient + at, output + at) * load(&scale[channel]) -
                                  load(pooled + at) * load(&slope[channel]) + load(&constant[channel]);
          if (!shape.pool) {
            store(to, gradient);
            continue;
          }
          const Integers chosen = loadBytes(choice + at);
          float* places[] = {to, to + channels, to + row, to + row + channels};
          for (int place = 0; place < 4; ++place) store(places[place], chosen == place ? gradient : Vector{});
        }
      }
    }
  });
}

}  // namespace haet
