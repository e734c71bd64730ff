// Transforms filters [3, 3, in, out] to the points of winograd.h, and the gradients to these points back.
#pragma once

#include "kernels/convolution.h"
#include "kernels/tiles.h"

namespace haet {

enum class Use { kForward, kBackward };

// The direction of a convolution: forward, or backward to the input gradient, with from = out and to = in.
struct Way {
  Use use;
  int from, to;

  Points filter() const { return {from, to, from}; }
};

// Writes the filter at every point, a matrix [from, to] laid out as way.filter(), with interleaved rows; backward it is
// rotated by 180 degrees.
void pointsOfFilter(const Convolution& shape, const Way& way, const float* filter, Operand* points);

// Writes the gradient of the filter, given those of its points, [in, out] laid out as `layout`.
void filterGradientOfPoints(const Convolution& shape, const float* points, const Products& layout,
                            float* filterGradient);

}  // namespace haet
