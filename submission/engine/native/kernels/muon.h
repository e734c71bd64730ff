// The update of filters by orthogonalised directions.
#pragma once

#include <vector>

#include "kernels/sgd.h"

namespace haet {

// Muon (Keller Jordan, https://kellerjordan.github.io/posts/muon) for all tensors, which are filters:
//
//   d = gradient - mean;  v' = momentum v + d;  weight' = kept weight - rate orthogonalised(d + momentum v')
//
// with the mean as for `sgd`. kept = 1 - rate decay; without decay it scales the weights to the norm of an orthogonal
// matrix, the square root of its units. The direction, as the matrix X [inputs, units], is orthogonalised by
// `iterations` of Newton and Schulz: with X divided by its Frobenius norm, X <- A X + B X X'X + C X X'X X'X. Every
// iterate is X times a polynomial of the small matrix X'X, so the iteration runs on polynomials, which are symmetric.
// They are float32 in every variant: bfloat16 would give small eigenvalues the wrong sign, and then it diverges.
void muon(const std::vector<Parameter>& parameters, int iterations);

}  // namespace haet
