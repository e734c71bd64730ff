// The transforms of Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2015, "Fast Algorithms for Convolutional
// Neural Networks"): four by four outputs of a 3x3 filter with 36 multiplications instead of 144.
//
//   output = A' [ (G filter G') * (B' input B) ] A        * is element by element, ' transposes
//
// Every function transforms kLanes channels at once, along one axis; a square is transformed along both.
#pragma once

#include "runtime/vector.h"

namespace haet {

constexpr int kTile = 4;                    // outputs along an edge
constexpr int kWindow = kTile + 2;          // inputs along an edge
constexpr int kPoints = kWindow * kWindow;  // multiplications

// B': six inputs to six points.
inline void inputToPoints(const Vector* in, ptrdiff_t step, Vector* out, ptrdiff_t outStep) {
  const Vector d0 = in[0], d1 = in[step], d2 = in[2 * step], d3 = in[3 * step], d4 = in[4 * step], d5 = in[5 * step];
  const Vector even = d4 - 4 * d2, odd = d3 - 4 * d1;
  const Vector evenHalf = d4 - d2, oddHalf = 2 * (d3 - d1);
  out[0] = 4 * d0 - 5 * d2 + d4;
  out[outStep] = even + odd;
  out[2 * outStep] = even - odd;
  out[3 * outStep] = evenHalf + oddHalf;
  out[4 * outStep] = evenHalf - oddHalf;
  out[5 * outStep] = 4 * d1 - 5 * d3 + d5;
}

// A': six points to four outputs.
inline void pointsToOutput(const Vector* in, ptrdiff_t step, Vector* out, ptrdiff_t outStep) {
  const Vector sum12 = in[step] + in[2 * step], difference12 = in[step] - in[2 * step];
  const Vector sum34 = in[3 * step] + in[4 * step], difference34 = in[3 * step] - in[4 * step];
  out[0] = in[0] + sum12 + sum34;
  out[outStep] = difference12 + 2 * difference34;
  out[2 * outStep] = sum12 + 4 * sum34;
  out[3 * outStep] = difference12 + 8 * difference34 + in[5 * step];
}

// A: four gradients of outputs to six points.
inline void outputGradientToPoints(const Vector* in, ptrdiff_t step, Vector* out, ptrdiff_t outStep) {
  const Vector y0 = in[0], y1 = in[step], y2 = in[2 * step], y3 = in[3 * step];
  const Vector even = y0 + y2, odd = y1 + y3;
  const Vector evenFar = y0 + 4 * y2, oddFar = 2 * y1 + 8 * y3;
  out[0] = y0;
  out[outStep] = even + odd;
  out[2 * outStep] = even - odd;
  out[3 * outStep] = evenFar + oddFar;
  out[4 * outStep] = evenFar - oddFar;
  out[5 * outStep] = y3;
}

// G: three values of a filter to six points.
inline void filterToPoints(const Vector* in, ptrdiff_t step, Vector* out, ptrdiff_t outStep) {
  const Vector g0 = in[0], g1 = in[step], g2 = in[2 * step];
  const Vector near = (g0 + g2) * (-1.0f / 6), far = g0 * (1.0f / 24) + g2 * (1.0f / 6);
  out[0] = g0 * 0.25f;
  out[outStep] = near - g1 * (1.0f / 6);
  out[2 * outStep] = near + g1 * (1.0f / 6);
  out[3 * outStep] = far + g1 * (1.0f / 12);
  out[4 * outStep] = far - g1 * (1.0f / 12);
  out[5 * outStep] = g2;
}

// G': gradients of six points to those of the filter's three values.
inline void pointsToFilterGradient(const Vector* in, ptrdiff_t step, Vector* out, ptrdiff_t outStep) {
  const Vector sum12 = in[step] + in[2 * step], difference12 = in[2 * step] - in[step];
  const Vector sum34 = in[3 * step] + in[4 * step], difference34 = in[3 * step] - in[4 * step];
  out[0] = in[0] * 0.25f - sum12 * (1.0f / 6) + sum34 * (1.0f / 24);
  out[outStep] = difference12 * (1.0f / 6) + difference34 * (1.0f / 12);
  out[2 * outStep] = (sum34 - sum12) * (1.0f / 6) + in[5 * step];
}

using Transform = void (*)(const Vector*, ptrdiff_t, Vector*, ptrdiff_t);

// Makes the compiler store and reload these values. Otherwise it starts the second half of a transform early and spills
// twice as many values: convolutions took 1.05 times as long.
template <size_t count>
inline __attribute__((always_inline)) void inMemory(Vector (&values)[count]) {
  asm("" : "+m"(values));
}

// Transforms a square of `from` by `from` values to `to` by `to`. read(row, column) returns a value, write(row, column,
// value) takes one.
template <int from, int to, Transform transform, typename Read, typename Write>
inline __attribute__((always_inline)) void square(const Read& read, const Write& write) {
  Vector half[to * from];
#pragma GCC unroll 6
  for (int column = 0; column < from; ++column) {
    Vector values[from];
#pragma GCC unroll 6
    for (int row = 0; row < from; ++row) values[row] = read(row, column);
    transform(values, 1, half + column, from);
  }
  inMemory(half);
#pragma GCC unroll 6
  for (int row = 0; row < to; ++row) {
    Vector values[to];
    transform(half + row * from, 1, values, 1);
#pragma GCC unroll 6
    for (int column = 0; column < to; ++column) write(row, column, values[column]);
  }
}

}  // namespace haet
