// 3x3 convolutions of images with few channels (NHWC). The input is [batch, height, width, in] with any number of
// channels and the last axis contiguous, so shape.input() does not apply; everything else is as in convolution.h.
#pragma once

#include <vector>

#include "kernels/convolution.h"

namespace haet {

// The sums of the output have one part per image.
void convolveFew(const Convolution& shape, const float* input, const float* filter, const Output& output);

// Writes elu(convolved + shift), shift [out].
void convolveFewActivated(const Convolution& shape, const float* input, const float* filter, const float* shift,
                          float* output);

void convolveFewFilterGradient(const Convolution& shape, const float* input, const Gradient& outputGradient,
                               float* filterGradient);

// Returns sums over all pixels, [9 in + 1, out], where output = elu(activation): of the gradient of the activation with
// every value of the patch under the filter, and of that gradient alone.
std::vector<double> sumsThroughElu(const Convolution& shape, const float* input, const float* outputGradient,
                                   const float* output);

}  // namespace haet
