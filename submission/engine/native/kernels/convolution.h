// The three products of a 3x3 convolution (stride 1, zero padding) that training needs. They share scratch memory, so
// only one call may run at a time; block.cc ensures it.
#pragma once

#include "kernels/panels.h"
#include "kernels/partialSums.h"
#include "kernels/pool.h"

namespace haet {

// Filters are [3, 3, in, out] with the last axis contiguous, images are in panels (panels.h). All values are float32.
struct Convolution {
  int batch, height, width;
  int in, out;  // channels, multiples of kLanes; for other numbers see fewChannels.h

  Panels input() const { return {batch, height, width, in}; }
  Panels output() const { return {batch, height, width, out}; }
  Panels pooled() const { return {batch, height / 2, width / 2, out}; }
};

// Where the output of a convolution is written.
struct Output {
  float* values;
  uint8_t* choice;    // null without pooling; else values are pooled, and this is the index of each in its window
  PartialSums* sums;  // of values
};

// The number of parts of the sums of an output.
int partsOf(const Convolution& shape);

void convolve(const Convolution& shape, const float* input, const float* filter, const Output& output);

void convolveInputGradient(const Convolution& shape, const float* filter, const Gradient& outputGradient,
                           float* inputGradient);

// filterGradient [3, 3, in, out]
void convolveFilterGradient(const Convolution& shape, const float* input, const Gradient& outputGradient,
                            float* filterGradient);

}  // namespace haet
