// The three products of a 3x3 convolution, stride 1, zero padding, that training needs.
#pragma once

namespace haet {

// Images [batch, height, width, channels], filters [3, 3, in, out], float32, the last axis contiguous.
struct Convolution {
  int batch, height, width;
  int in, out;  // channels, multiples of 8
};

// output [batch, height, width, out] of input [batch, height, width, in]
void convolve(const Convolution& shape, const float* input, const float* filter, float* output);

// inputGradient [batch, height, width, in]
void convolveInputGradient(const Convolution& shape, const float* filter, const float* outputGradient,
                           float* inputGradient);

// filterGradient [3, 3, in, out]
void convolveFilterGradient(const Convolution& shape, const float* input, const float* outputGradient,
                            float* filterGradient);

}  // namespace haet
