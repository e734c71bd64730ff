// Batch norm with batch statistics, and elu: the steps after the convolution and the pool of a block.
#pragma once

#include <vector>

#include "kernels/panels.h"
#include "kernels/partialSums.h"

namespace haet {

struct Normalise {
  float alpha;    // the output is elu(normalised / alpha), which is celu(normalised) / alpha
  float epsilon;  // added to the variance
};

// Statistics of one batch, one value per channel.
struct Moments {
  float* mean;
  float* variance;  // with Bessel's correction
  float* inverse;   // 1 / sqrt(variance without it + epsilon)
};

// Batch norm and the division by alpha as one multiplication and one addition per channel.
struct Affine {
  std::vector<float> scale, shift;

  explicit Affine(int channels) : scale(channels), shift(channels) {}
  // inverse: 1 / sqrt(variance + epsilon)
  void put(int channel, double mean, double inverse, float offset, const Normalise& options);
};

// Returns that of given statistics.
Affine affineOf(int channels, const Normalise& options, const float* mean, const float* variance, const float* offset);

// Writes the moments of a channel and returns 1 / sqrt(spread + epsilon). spread: the mean square of the deviation of
// `count` values from their mean
double putMoments(int channel, double mean, double spread, double count, const Normalise& options,
                  const Moments& moments);

// Writes the output of values, both of `shape`; `sums` are those of values, offset is [channels].
void normalise(const Panels& shape, const Normalise& options, const float* values, const PartialSums& sums,
               const float* offset, const Moments& moments, float* output);

// The same with given statistics, for prediction.
void normaliseWith(const Panels& shape, const Normalise& options, const float* values, const float* mean,
                   const float* variance, const float* offset, float* output);

// Writes the gradients of the values and of the offset.
void normaliseGradient(const Panels& shape, const Normalise& options, const float* outputGradient, const float* output,
                       const float* values, const float* mean, const float* inverse, float* gradient,
                       float* offsetGradient);

}  // namespace haet
