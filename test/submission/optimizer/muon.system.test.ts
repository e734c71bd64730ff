import { describe, expect, test } from '@jest/globals';
import { centralized } from '../../../submission/engine/stock/gradientCentralization.ts';
import { orthogonalised } from '../../../submission/engine/stock/orthogonalise.ts';
import { type Tensor, tf } from '../../../submission/engine/tensorflow.ts';
import type { Weights } from '../../../submission/model/resnet9.ts';
import { muonStep } from '../../../submission/optimizer/muon.ts';
import { initialMomentum } from '../../../submission/optimizer/sgd.ts';
import { engineOf, engines, error } from '../engines.ts';

const values = (tensor: Tensor) => Array.from(tensor.dataSync());
const normal = (shape: number[], seed: number): Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);

/** Filters with and without whole vectors and shares of rows, up to several bands of the symmetric products. */
const SHAPES: Readonly<Record<string, readonly number[]>> = {
  'images.filter': [3, 3, 3, 24],
  'a.filter': [3, 3, 8, 16],
  'b.filter': [3, 3, 20, 88],
  'square.filter': [3, 3, 16, 160],
  'one.filter': [1, 1, 5, 1],
};

describe.each(engines)('muonStep, %s', (name) => {
  const engine = engineOf(name);
  const names = Object.keys(SHAPES);
  const weights = (): Weights => ({
    ...Object.fromEntries(
      names.map((each, index) => [each, tf.keep(normal([...SHAPES[each]!], 40 + index))]),
    ),
    'a.offset': tf.keep(normal([16], 5)),
  });
  const gradients = (seed: number): Weights => ({
    ...Object.fromEntries(names.map((each, index) => [each, normal([...SHAPES[each]!], seed + index)])),
    'a.offset': normal([16], seed - 1),
  });
  const step = (at: Weights, velocity: Weights, gradient: Weights, muonWeightDecay: number, iterations = 5) =>
    muonStep(engine, at, velocity, gradient, names, 0.1, {
      muonMomentum: 0.6,
      muonWeightDecay,
      muonIterations: iterations,
      gradientCentralization: true,
    });

  test.each([
    [0, 5],
    [0.5, 5],
    [0, 1],
    [0, 2],
  ])(
    'with weight decay %d and %i iterations makes two steps as computed from the formula',
    (decay, iterations) => {
      const at = weights();
      const velocity = initialMomentum(at);
      const expected = weights();
      const momentum = initialMomentum(at);
      for (const seed of [10, 20]) {
        const gradient = gradients(seed);
        step(at, velocity, gradient, decay, iterations);
        for (const each of names) {
          const shape = SHAPES[each]!;
          const outputs = shape.at(-1)!;
          const centred = centralized(gradient[each]!);
          momentum[each] = tf.add(tf.mul(momentum[each]!, 0.6), centred);
          const direction = tf.add(centred, tf.mul(momentum[each]!, 0.6));
          const [update] = orthogonalised([tf.reshape(direction, [-1, outputs])], iterations);
          const length = Math.hypot(...values(expected[each]!));
          const scale = decay > 0 ? 1 - 0.1 * decay : Math.sqrt(outputs) / length;
          const kept = tf.mul(expected[each]!, scale);
          expected[each] = tf.sub(kept, tf.mul(tf.reshape(update!, [...shape]), 0.1));
        }
      }
      for (const each of names) {
        expect(error(values(at[each]!), values(expected[each]!))).toBeLessThan(3e-5);
        expect(error(values(velocity[each]!), values(momentum[each]!))).toBeLessThan(3e-5);
      }
    },
  );

  test('does not depend on the scale of the gradient, and leaves filters whose gradient is zero', () => {
    const moved = [1e-6, 1, 1e6].map((scale) => {
      const at = weights();
      const scaled = Object.entries(gradients(10)).map(([each, gradient]) => [each, tf.mul(gradient, scale)]);
      step(at, initialMomentum(at), Object.fromEntries(scaled) as Weights, 0.5);
      return values(at['b.filter']!);
    });
    expect(error(moved[0]!, moved[1]!)).toBeLessThan(1e-5);
    expect(error(moved[2]!, moved[1]!)).toBeLessThan(1e-5);
    const at = weights();
    const zeros = Object.entries(at).map(([each, weight]) => [each, tf.zerosLike(weight)]);
    step(at, initialMomentum(at), Object.fromEntries(zeros) as Weights, 0.5);
    const expected = values(weights()['a.filter']!).map((value) => 0.95 * value);
    expect(error(values(at['a.filter']!), expected)).toBeLessThan(1e-6);
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
