// The way of filters [3, 3, in, out] to the points of winograd.h, and of their gradients back.
#pragma once

#include "kernels/convolution.h"
#include "kernels/tiles.h"

namespace haet {

enum class Use { kForward, kBackward };

// A convolution's way: forward, or for the gradient to the input back, with from = out and to = in.
struct Way {
  Use use;
  int from, to;

  Points filter() const { return {from, to, from}; }
};

// Writes the filter at every point, a matrix [from, to] laid out as way.filter(); for the way back turned by 180 degrees.
void pointsOfFilter(const Convolution& shape, const Way& way, const float* filter, float* points);

// The gradient to the filter, of the gradients to its points, [in, out] laid out as `layout`.
void filterGradientOfPoints(const Convolution& shape, const float* points, const Points& layout, float* filterGradient);

}  // namespace haet
