// What follows the convolution in a block: maxpool 2x2? -> batch norm by the batch -> elu.
#pragma once

#include <cstdint>

namespace haet {

struct Normalise {
  int batch, height, width;  // of the input; even where it is pooled
  int channels;              // a multiple of 8
  bool pool;
  float alpha;    // the output is elu(normalised / alpha), which is celu(normalised) / alpha
  float epsilon;  // added to the variance

  int outHeight() const { return pool ? height / 2 : height; }
  int outWidth() const { return pool ? width / 2 : width; }
  long outPixels() const { return static_cast<long>(batch) * outHeight() * outWidth(); }
};

// Of one batch, a value a channel.
struct Moments {
  float* mean;
  float* variance;  // with Bessel's correction
  float* inverse;   // 1 / sqrt(variance without it + epsilon)
};

// input [batch, height, width, channels], offset [channels]. Writes output and, where it pools, pooled, both [batch,
// outHeight, outWidth, channels], and which of its four inputs each of pooled is, the first where some are equal.
void normalise(const Normalise& shape, const float* input, const float* offset, float* output, float* pooled,
               uint8_t* choice, const Moments& moments);

// Gradients to the input and the offset. pooled: the input where nothing is pooled.
void normaliseGradient(const Normalise& shape, const float* outputGradient, const float* output, const float* pooled,
                       const uint8_t* choice, const float* mean, const float* inverse, float* inputGradient,
                       float* offsetGradient);

}  // namespace haet
