import { describe, expect, test } from '@jest/globals';
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { centralized } from '../../../submission/engine/stock/gradientCentralization.ts';
import { type Tensor, tf } from '../../../submission/engine/tensorflow.ts';
import type { Weights } from '../../../submission/model/resnet9.ts';
import { muonStep } from '../../../submission/optimizer/muon.ts';
import { orthogonalised } from '../../../submission/optimizer/orthogonalise.ts';
import { initialMomentum } from '../../../submission/optimizer/sgd.ts';
import { engineOf, engines, error } from '../engines.ts';

const values = (tensor: Tensor) => Array.from(tensor.dataSync());
const normal = (shape: number[], seed: number): Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);
const matrixOf = (tensor: Tensor) => Matrix.from1DArray(tensor.shape[0]!, tensor.shape[1]!, values(tensor));

const one = (matrix: Tensor, iterations: number, factor: number): Tensor =>
  orthogonalised([matrix], iterations, factor)[0]!;

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
      expect(error(values(one(matrix, iterations, 1)), expected)).toBeLessThan(1e-4);
      const tenfold = expected.map((value) => 10 * value);
      expect(error(values(one(matrix, iterations, 10)), tenfold)).toBeLessThan(1e-4);
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
    const together = orthogonalised(matrices, 5, 0.3);
    for (const [index, matrix] of matrices.entries()) {
      expect(error(values(together[index]!), values(one(matrix, 5, 0.3)))).toBeLessThan(1e-5);
    }
  });

  test('has singular values near 1, whatever the scale of the matrix', () => {
    for (const scale of [1e-6, 1, 1e6]) {
      const result = one(tf.mul(normal([36, 8], 2), scale) as Tensor, 5, 1);
      for (const value of new SingularValueDecomposition(matrixOf(result)).diagonal) {
        expect(value).toBeGreaterThan(0.6);
        expect(value).toBeLessThan(1.25);
      }
    }
  });

  test('of zeros is zeros', () => {
    expect(new Set(values(one(tf.zeros([9, 4]), 5, 1)))).toEqual(new Set([0]));
  });

  test('leaks no tensor', () => {
    const matrix = normal([9, 4], 3);
    const before = tf.memory().numTensors;
    one(matrix, 5, 1).dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe.each(engines)('muonStep, %s', (name) => {
  const engine = engineOf(name);
  const weights = (): Weights => ({
    'a.filter': tf.keep(normal([3, 3, 8, 16], 4)),
    'a.offset': tf.keep(normal([16], 5)),
  });
  const gradients = (seed: number): Weights => ({
    'a.filter': normal([3, 3, 8, 16], seed),
    'a.offset': normal([16], 1 + seed),
  });
  const step = (at: Weights, velocity: Weights, gradient: Weights, muonWeightDecay: number) =>
    muonStep(engine, at, velocity, gradient, ['a.filter'], 0.1, {
      muonMomentum: 0.6,
      muonWeightDecay,
      muonIterations: 5,
      gradientCentralization: true,
    });

  test.each([0, 0.5])('with weight decay %d makes two steps as computed from the formula', (decay) => {
    const at = weights();
    const velocity = initialMomentum(at);
    let expected = at['a.filter']!.clone();
    let momentum = tf.zerosLike(expected);
    for (const seed of [10, 20]) {
      step(at, velocity, gradients(seed), decay);
      const gradient = centralized(gradients(seed)['a.filter']!);
      momentum = tf.add(tf.mul(momentum, 0.6), gradient);
      const direction = tf.add(gradient, tf.mul(momentum, 0.6));
      const update = one(tf.reshape(direction, [72, 16]), 5, 0.1);
      const length = Math.hypot(...values(expected));
      const scale = decay > 0 ? 1 - 0.1 * decay : Math.sqrt(16) / length;
      expected = tf.sub(tf.mul(expected, scale), tf.reshape(update, [3, 3, 8, 16]));
    }
    expect(error(values(at['a.filter']!), values(expected))).toBeLessThan(1e-4);
    expect(error(values(velocity['a.filter']!), values(momentum))).toBeLessThan(1e-4);
  });

  test('leaves the other weights to another optimizer, and frees the tensors it replaces', () => {
    const at = weights();
    const velocity = initialMomentum(at);
    const gradient = gradients(10);
    const before = tf.memory().numTensors;
    step(at, velocity, gradient, 0);
    expect(tf.memory().numTensors).toBe(before);
    expect(values(at['a.offset']!)).toEqual(values(normal([16], 5)));
  });
});
