// Products of matrices in panels of eight columns: element (row, column) of a matrix of `rows` rows lies at
// [column / 8][row][column % 8].
#pragma once

#include "vector.h"

namespace haet {

// c = a b: a [rows, depth], b [depth, columns], c [rows, columns]; rows a multiple of 4, depth and columns
// of 8. `aRows` and `cRows` are the rows that a and c were laid out for, not fewer than `rows`.
void product(const float* a, int aRows, const float* b, float* c, int cRows, int rows, int depth, int columns);

// c = transposed(a) b, or c += where it `adds`: a [depth, rows], b [depth, columns], c [rows, columns], all multiples of
// 8. `laidOut`: the depth that a and b were laid out for.
void transposedProduct(const float* a, const float* b, int laidOut, int depth, float* c, int rows, int columns,
                       bool adds);

}  // namespace haet
