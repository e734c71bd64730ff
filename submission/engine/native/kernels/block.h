// One block of the network: conv3x3 -> maxpool 2x2? -> batch norm -> elu. Activations are in panels (panels.h). The
// input of a block may also be images (NHWC), [batch, height, width, in], with any number of channels.
#pragma once

#include "kernels/convolution.h"
#include "kernels/normalise.h"

namespace haet {

struct Block {
  Convolution convolution;
  bool isPicture;  // the input is images (NHWC)
  bool pools;      // only with even height and width
  Normalise normalise;

  Panels result() const { return pools ? convolution.pooled() : convolution.output(); }
  bool isPlainPicture() const { return isPicture && !pools; }
  // The number of Kept::values.
  size_t keptValues() const {
    return isPlainPicture() ? static_cast<size_t>(9) * convolution.in * (convolution.out + 1) : result().floats();
  }
};

// What the forward pass with batch statistics writes in addition to its output, for the backward pass.
struct Kept {
  // The input of the batch norm, in the shape of the output. For a block that reads images and does not pool, two sums
  // over all pixels instead, from which the gradients can be computed: every tap times the input of the batch norm
  // minus its mean [9 in, out], and every tap [9 in].
  float* values;
  uint8_t* choice;  // the index of each value in its pooling window; null without pooling
  Moments moments;
};

// Writes the output of input, filter [3, 3, in, out] and offset [out].
void forward(const Block& block, const float* input, const float* filter, const float* offset, float* output,
             const Kept& kept);

// The same with given statistics, for prediction.
void forwardWith(const Block& block, const float* input, const float* filter, const float* offset, const float* mean,
                 const float* variance, float* output);

// Inputs of the backward pass from `Kept`.
struct Passed {
  const float* values;
  const uint8_t* choice;
  const float* mean;
  const float* inverse;
};

// Outputs of the backward pass.
struct Gradients {
  float* input;  // null if not wanted; not for images
  float* filter;
  float* offset;
};

// `output` and `passed` are those of the forward pass.
void backward(const Block& block, const float* outputGradient, const float* input, const float* filter,
              const float* output, const Passed& passed, const Gradients& gradients);

}  // namespace haet
