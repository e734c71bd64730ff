// A block whose input is images (NHWC) and that does not pool: the first block of a network.
#pragma once

#include "kernels/block.h"

namespace haet {

// The same as the functions of block.h without "Picture". One call at a time.
void forwardPicture(const Block& block, const float* input, const float* filter, const float* offset, float* output,
                    const Kept& kept);

void forwardPictureWith(const Block& block, const float* input, const float* filter, const float* offset,
                        const float* mean, const float* variance, float* output);

void backwardPicture(const Block& block, const float* outputGradient, const float* input, const float* filter,
                     const float* output, const Passed& passed, const Gradients& gradients);

}  // namespace haet
