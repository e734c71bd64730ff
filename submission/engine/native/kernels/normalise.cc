// Theory of operation
//
// This is bound by memory bandwidth, so it takes as few passes as possible. Forward takes one, because the convolution
// computed the sums. Backward takes two: one sums what the gradients of the moments need, one writes the gradient.
//
// Sums are computed plane by plane, and then over the images in double precision, in a fixed order: they are the same
// for any number of threads.
#include "kernels/normalise.h"

#include <cmath>
#include <vector>

#include "runtime/threadPool.h"
#include "runtime/vector.h"

namespace haet {
namespace {

using Floats = std::vector<float>;

// output = elu(scale * value + shift)
void activate(const Panels& shape, const float* values, const Affine& affine, float* output) {
  parallelFor(shape.batch, [&](int image) {
    for (int panel = 0; panel < shape.panels(); ++panel) {
      const Vector factor = load(&affine.scale[panel * kLanes]), constant = load(&affine.shift[panel * kLanes]);
      const ptrdiff_t first = shape.plane(image, panel);
      for (ptrdiff_t at = first; at < first + shape.planeSize(); at += kLanes) {
        store(output + at, elu(load(values + at) * factor + constant));
      }
    }
  });
}

// Returns the gradient of the normalised values.
inline Vector normalisedGradient(const float* gradient, const float* output) {
  return load(gradient) * eluSlope(load(output));
}

}  // namespace

void Affine::put(int channel, double mean, double inverse, float offset, const Normalise& options) {
  scale[channel] = static_cast<float>(inverse / options.alpha);
  shift[channel] = static_cast<float>((offset - mean * inverse) / options.alpha);
}

Affine affineOf(int channels, const Normalise& options, const float* mean, const float* variance, const float* offset) {
  Affine affine(channels);
  for (int channel = 0; channel < channels; ++channel) {
    const double inverse = 1 / std::sqrt(static_cast<double>(variance[channel]) + options.epsilon);
    affine.put(channel, mean[channel], inverse, offset[channel], options);
  }
  return affine;
}

double putMoments(int channel, double mean, double spreadBefore, double count, const Normalise& options,
                  const Moments& moments) {
  const double spread = spreadBefore < 0 ? 0 : spreadBefore;  // negative by rounding; NaN propagates
  const double inverse = 1 / std::sqrt(spread + options.epsilon);
  moments.mean[channel] = static_cast<float>(mean);
  moments.variance[channel] = static_cast<float>(spread * (count > 1 ? count / (count - 1) : 1));
  moments.inverse[channel] = static_cast<float>(inverse);
  return inverse;
}

void normalise(const Panels& shape, const Normalise& options, const float* values, const PartialSums& sums,
               const float* offset, const Moments& moments, float* output) {
  Affine affine(shape.channels);
  parallelFor(shape.panels(), [&](int panel) {
    const auto totals = sums.total(panel);
    for (int lane = 0; lane < kLanes; ++lane) {
      const int channel = panel * kLanes + lane;
      const auto [count, sum, squares] = totals[lane];
      const double mean = sum / count;
      const double inverse = putMoments(channel, mean, squares / count - mean * mean, count, options, moments);
      affine.put(channel, mean, inverse, offset[channel], options);
    }
  });
  activate(shape, values, affine, output);
}

void normaliseWith(const Panels& shape, const Normalise& options, const float* values, const float* mean,
                   const float* variance, const float* offset, float* output) {
  activate(shape, values, affineOf(shape.channels, options, mean, variance, offset), output);
}

void normaliseGradient(const Panels& shape, const Normalise& options, const float* outputGradient, const float* output,
                       const float* values, const float* mean, const float* inverse, float* gradient,
                       float* offsetGradient) {
  const int channels = shape.channels;
  // Per image and channel: the sum of the gradient, and that of its products with the values minus their mean.
  Floats sums(static_cast<size_t>(shape.batch) * channels), products(sums.size());
  parallelFor(shape.batch, [&](int image) {
    for (int panel = 0; panel < shape.panels(); ++panel) {
      const Vector center = load(mean + panel * kLanes);
      const ptrdiff_t first = shape.plane(image, panel);
      Vector sum = {}, product = {};
      for (ptrdiff_t at = first; at < first + shape.planeSize(); at += kLanes) {
        const Vector each = normalisedGradient(outputGradient + at, output + at);
        sum += each;
        product += each * (load(values + at) - center);
      }
      const ptrdiff_t to = static_cast<ptrdiff_t>(image) * channels + panel * kLanes;
      store(&sums[to], sum);
      store(&products[to], product);
    }
  });

  // gradient of a value = scale * (gradient - its mean) - slope * (value - mean of values)
  const double count = shape.pixels();
  Floats scale(channels), constant(channels), slope(channels);
  for (int channel = 0; channel < channels; ++channel) {
    double sum = 0, product = 0;
    for (size_t at = channel; at < sums.size(); at += channels) {
      sum += sums[at];
      product += products[at];
    }
    const double factor = inverse[channel] / options.alpha;
    offsetGradient[channel] = static_cast<float>(sum / options.alpha);
    scale[channel] = static_cast<float>(factor);
    slope[channel] = static_cast<float>(factor * inverse[channel] * inverse[channel] * product / count);
    constant[channel] = static_cast<float>(static_cast<double>(slope[channel]) * mean[channel] - factor * sum / count);
  }

  parallelFor(shape.batch, [&](int image) {
    for (int panel = 0; panel < shape.panels(); ++panel) {
      const Vector factor = load(&scale[panel * kLanes]), tilt = load(&slope[panel * kLanes]);
      const Vector shift = load(&constant[panel * kLanes]);
      const ptrdiff_t first = shape.plane(image, panel);
      for (ptrdiff_t at = first; at < first + shape.planeSize(); at += kLanes) {
        const Vector each = normalisedGradient(outputGradient + at, output + at);
        store(gradient + at, each * factor - load(values + at) * tilt + shift);
      }
    }
  });
}

}  // namespace haet
