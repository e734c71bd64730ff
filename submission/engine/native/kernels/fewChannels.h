// 3x3 convolutions of images with few channels (NHWC). The input is [batch, height, width, in] with any number of
// channels and the last axis contiguous, so shape.input() does not apply; everything else is as in convolution.h.
#pragma once

#include "kernels/convolution.h"

namespace haet {

// The sums of the output have one part per image.
void convolveFew(const Convolution& shape, const float* input, const float* filter, const Output& output);

void convolveFewFilterGradient(const Convolution& shape, const float* input, const Gradient& outputGradient,
                               float* filterGradient);

}  // namespace haet
