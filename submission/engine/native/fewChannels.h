// 3x3 convolutions of images with few channels, such as pictures; shapes as in convolution.h, but for `in`, which is any
// number.
#pragma once

#include "convolution.h"

namespace haet {

// output [batch, height, width, out] of input [batch, height, width, in]
void convolveFew(const Convolution& shape, const float* input, const float* filter, float* output);

// filterGradient [3, 3, in, out]
void convolveFewFilterGradient(const Convolution& shape, const float* input, const float* outputGradient,
                               float* filterGradient);

}  // namespace haet
