import { describe, expect, test } from '@jest/globals';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { orthogonalised } from '../../../../submission/engine/stock/orthogonalise.ts';
import { type Tensor, tf } from '../../../../submission/engine/tensorflow.ts';
import { error } from '../../engines.ts';

const values = (tensor: Tensor) => Array.from(tensor.dataSync());
const normal = (shape: number[], seed: number): Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);
const matrixOf = (tensor: Tensor) => Matrix.from1DArray(tensor.shape[0]!, tensor.shape[1]!, values(tensor));

const one = (matrix: Tensor, iterations: number): Tensor => orthogonalised([matrix], iterations)[0]!;

describe('orthogonalised', () => {
  /** The iteration as published, on the whole matrix, in double precision. */
  function published(matrix: Matrix, iterations: number): number[] {
    let x = Matrix.div(matrix, matrix.norm('frobenius'));
    for (let iteration = 0; iteration < iterations; iteration += 1) {
      const gram = x.transpose().mmul(x);
      const polynomial = Matrix.add(Matrix.mul(gram, -4.775), Matrix.mul(gram.mmul(gram), 2.0315));
      x = Matrix.add(Matrix.mul(x, 3.4445), x.mmul(polynomial));
    }
    return x.to1DArray();
  }

  test.each([1, 2, 5])(
    'after %i iterations on the Gram matrix equals the iteration on the matrix',
    (iterations) => {
      const matrix = tf.mul(normal([18, 6], 1), [[1, 2, 4, 8, 16, 32]]) as Tensor;
      const expected = published(matrixOf(matrix), iterations);
      expect(error(values(one(matrix, iterations)), expected)).toBeLessThan(1e-4);
    },
  );

  test('of several matrices is that of each, in their order', () => {
    const shapes: [number, number][] = [
      [18, 6],
      [9, 4],
      [27, 6],
      [36, 4],
    ];
    const matrices = shapes.map((shape, index) => normal(shape, 30 + index));
    const together = orthogonalised(matrices, 5);
    for (const [index, matrix] of matrices.entries()) {
      expect(error(values(together[index]!), values(one(matrix, 5)))).toBeLessThan(1e-5);
    }
  });

  test('has singular values near 1, whatever the scale of the matrix', () => {
    for (const scale of [1e-6, 1, 1e6]) {
      const result = one(tf.mul(normal([36, 8], 2), scale) as Tensor, 5);
      for (const value of new SingularValueDecomposition(matrixOf(result)).diagonal) {
        expect(value).toBeGreaterThan(0.6);
        expect(value).toBeLessThan(1.25);
      }
    }
  });

  test('of zeros is zeros', () => {
    expect(new Set(values(one(tf.zeros([9, 4]), 5)))).toEqual(new Set([0]));
  });

  test('leaks no tensor', () => {
    const matrix = normal([9, 4], 3);
    const before = tf.memory().numTensors;
    one(matrix, 5).dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
