// Products of matrices that are laid out in panels of kLanes columns and groups of rows: element (row, column) of a
// matrix [rows, columns] is at [row / group][column / kLanes][row % group][column % kLanes]. Where rows are interleaved
// (operand.h), its place in the group is [row % group / kInterleaved][column % kLanes][row % kInterleaved].
#pragma once

#include "runtime/operand.h"

namespace haet {

// c = a b, with a [rows, depth] and c [rows, columns] in groups of kRowGroup rows, and b [depth, columns] in one group
// of all its rows, interleaved. rows is a multiple of kRowGroup, depth and columns are multiples of kLanes.
void product(const Operand* a, const Operand* b, float* c, int rows, int depth, int columns);

// c = transposed(a) b, or c += with `adds`, with a [depth, rows], b [depth, columns] and c [rows, columns], all in one
// group and all multiples of kLanes. The rows of a and b are interleaved. `laidOut`: the depth that a and b are laid
// out for.
void transposedProduct(const Operand* a, const Operand* b, int laidOut, int depth, float* c, int rows, int columns,
                       bool adds);

}  // namespace haet
