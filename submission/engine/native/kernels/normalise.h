// Batch norm with batch statistics, and elu: the steps after the convolution and the pool of a block.
#pragma once

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
