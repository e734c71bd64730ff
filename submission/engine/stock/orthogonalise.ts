import { type Tensor, tf } from '../tensorflow.ts';

/** Coefficients of the iteration (Keller Jordan): the steepest at zero that keeps singular values around 1. */
const [A, B, C] = [3.4445, -4.775, 2.0315];
/** Least squared norm of a matrix: a gradient of zeros stays zeros. */
const LEAST = 1e-30;

const product = (left: Tensor, right: Tensor, transposed = false): Tensor =>
  tf.matMul(left as never, right as never, transposed) as Tensor;
const plus = (left: Tensor, right: Tensor): Tensor => tf.add(left, right) as Tensor;
const times = (tensor: Tensor, scale: number): Tensor => tf.mul(tensor, scale) as Tensor;

/**
 * Returns nearly the orthogonal matrix U V' of the singular value decomposition X = U S V' of each matrix: its singular
 * values are between 0.7 and 1.2, unless those of X are very unequal. This is Newton-Schulz iteration as in Muon (Keller
 * Jordan, https://kellerjordan.github.io/posts/muon): with X divided by its Frobenius norm,
 * X <- A X + B X X'X + C X X'X X'X.
 *
 * Every iterate is X times a polynomial of the small Gram matrix X'X, so the iteration runs on polynomials, and X is
 * multiplied twice instead of twice per iteration. Matrices with as many columns are iterated as one batch, because at
 * small widths the time goes into calls of ops rather than into arithmetic.
 *
 * @param matrices float32 [rows, columns]; cheap if there are fewer columns than rows
 * @param iterations 1 or more
 */
export function orthogonalised(matrices: readonly Tensor[], iterations: number): Tensor[] {
  const columnsOf = (matrix: Tensor) => matrix.shape[1]!;
  return tf.tidy(() => {
    const results = new Map<Tensor, Tensor>();
    for (const columns of new Set(matrices.map(columnsOf))) {
      const group = matrices.filter((matrix) => columnsOf(matrix) === columns);
      const polynomials = tf.unstack(polynomialsOf(group, iterations));
      for (const [index, matrix] of group.entries())
        results.set(matrix, product(matrix, polynomials[index]!));
    }
    return matrices.map((matrix) => results.get(matrix)!);
  });
}

/**
 * Returns the matrices by which each matrix is multiplied on the right. @param group float32 [rows, columns] each
 * @returns [count, columns, columns]
 */
function polynomialsOf(group: readonly Tensor[], iterations: number): Tensor {
  const squares = tf.stack(group.map((matrix) => product(matrix, matrix, true))) as Tensor;
  // The trace of the Gram matrix is the square of the Frobenius norm.
  const identity = tf.eye(squares.shape[1]!) as Tensor;
  const norms = tf.sqrt(tf.maximum(tf.sum(tf.mul(squares, identity), [1, 2], true), LEAST)); // [count, 1, 1]
  let gram = tf.div(squares, tf.square(norms)) as Tensor;
  let polynomial: Tensor | null = null;
  // The products commute, because all are polynomials of one matrix.
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
  return tf.div(polynomial!, norms) as Tensor;
}
