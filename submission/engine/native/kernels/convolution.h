// The three products of a 3x3 convolution, stride 1, zero padding, that training needs. They share scratch memory: one
// call at a time (block.cc sees to it).
#pragma once

#include "kernels/panels.h"
#include "kernels/partialSums.h"
#include "kernels/pool.h"

namespace haet {

// Filters are [3, 3, in, out], the last axis contiguous; images lie in panels (panels.h). All is float32.
struct Convolution {
  int batch, height, width;
  int in, out;  // channels, multiples of 8; but see fewChannels.h

  Panels input() const { return {batch, height, width, in}; }
  Panels output() const { return {batch, height, width, out}; }
  Panels pooled() const { return {batch, height / 2, width / 2, out}; }
};

// What becomes of a convolution's output on its way to memory.
struct Output {
  float* values;
  uint8_t* choice;  // null where nothing is pooled; else values are pooled, and this is which of its window each of them is
  PartialSums* sums;  // of values
};

// How many parts the sums of an output have.
int partsOf(const Convolution& shape);

void convolve(const Convolution& shape, const float* input, const float* filter, const Output& output);

void convolveInputGradient(const Convolution& shape, const float* filter, const Gradient& outputGradient,
                           float* inputGradient);

// filterGradient [3, 3, in, out]
void convolveFilterGradient(const Convolution& shape, const float* input, const Gradient& outputGradient,
                            float* filterGradient);

}  // namespace haet
