import { type Tensor, tf } from '../engine/tensorflow.ts';

/** Coefficients of the iteration (Keller Jordan): the steepest at zero that keeps singular values around 1. */
const [A, B, C] = [3.4445, -4.775, 2.0315];
/** Least squared norm of a matrix: a gradient of zeros stays zeros. */
const LEAST = 1e-30;

/**
 * Returns nearly the orthogonal matrix U V' of the singular value decomposition X = U S V': its singular values are
 * between 0.7 and 1.2, unless those of X are very unequal. This is Newton-Schulz iteration as in Muon (Keller Jordan,
 * https://kellerjordan.github.io/posts/muon): with X divided by its Frobenius norm, X <- A X + B X X'X + C X X'X X'X.
 *
 * Every iterate is X times a polynomial of the small Gram matrix X'X, so the iteration runs on polynomials, and X is
 * multiplied twice instead of twice per iteration. The products commute, because all are polynomials of one matrix.
 *
 * @param matrix float32 [rows, columns]; cheap if there are fewer columns than rows
 * @param iterations 1 or more
 * @param factor of the result
 */
export function orthogonalised(matrix: Tensor, iterations: number, factor: number): Tensor {
  return tf.tidy(() => {
    const product = (left: Tensor, right: Tensor) => tf.matMul(left as never, right as never) as Tensor;
    const plus = (left: Tensor, right: Tensor) => tf.add(left, right) as Tensor;
    const times = (tensor: Tensor, scale: number) => tf.mul(tensor, scale) as Tensor;

    const square = tf.matMul(matrix as never, matrix as never, true) as Tensor; // [columns, columns]
    // The trace of the Gram matrix is the square of the Frobenius norm.
    const identity = tf.eye(square.shape[0]!) as Tensor;
    const norm = tf.sqrt(tf.maximum(tf.sum(tf.mul(square, identity)), LEAST));
    let gram = tf.div(square, tf.square(norm)) as Tensor;
    let polynomial: Tensor | null = null;
    for (let iteration = 1; iteration <= iterations; iteration += 1) {
      // X <- X (A + odd), so X'X <- (A + odd) X'X (A + odd)
      const odd: Tensor = plus(times(gram, B), times(product(gram, gram), C));
      polynomial =
        polynomial === null
          ? plus(odd, times(identity, A))
          : plus(times(polynomial, A), product(odd, polynomial));
      if (iteration === iterations) break;
      const half = plus(times(gram, A), product(odd, gram));
      gram = plus(times(half, A), product(half, odd));
    }
    return product(matrix, tf.mul(polynomial!, tf.div(factor, norm)) as Tensor);
  });
}
