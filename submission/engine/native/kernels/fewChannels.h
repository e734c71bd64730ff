// 3x3 convolutions of images with few channels, such as pictures: input [batch, height, width, in] with any number of
// channels `in`, the last axis contiguous, so that shape.input() means nothing; all else as in convolution.h.
#pragma once

#include "kernels/convolution.h"

namespace haet {

// The sums of the output have a part an image.
void convolveFew(const Convolution& shape, const float* input, const float* filter, const Output& output);

void convolveFewFilterGradient(const Convolution& shape, const float* input, const Gradient& outputGradient,
                               float* filterGradient);

}  // namespace haet
