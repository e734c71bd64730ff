import { describe, expect, test } from '@jest/globals';
import { centralized } from '../../../submission/engine/stock/gradientCentralization.ts';
import { type Tensor, tf } from '../../../submission/engine/tensorflow.ts';
import type { Batch, Evaluate } from '../../../submission/optimizer/gradient.ts';
import { metaLearningEvaluation } from '../../../submission/optimizer/metaLearning.ts';
import { samEvaluation } from '../../../submission/optimizer/sam.ts';
import { initialMomentum, sgdStep } from '../../../submission/optimizer/sgd.ts';
import {
  averageDecay,
  averageInto,
  averageStatisticsInto,
  createAverage,
} from '../../../submission/optimizer/weightAveraging.ts';
import { engineOf, engines, error } from '../engines.ts';

/**
 * Computes a loss with known gradients: sum(a w^2) / 2 + target w, with a = [1, 4] and the target from the batch.
 * Weight "w.filter" has two elements; "b.offset" enters as b^2 / 2.
 */
const curvature = [1, 4];
const evaluate: Evaluate = (weights, batch) => {
  const w = values(weights['w.filter']!);
  const b = values(weights['b.offset']!);
  const slope = values(batch.targets);
  const gradient = w.map((value, index) => curvature[index]! * value + slope[index]!);
  return {
    loss: tf.scalar(0),
    logits: tf.zeros([1, 2]),
    gradients: { 'w.filter': tf.tensor(gradient, [1, 2]), 'b.offset': tf.tensor(b) },
  };
};
const values = (tensor: Tensor): number[] => Array.from(tensor.dataSync());
const weights = () =>
  ({ 'w.filter': tf.tensor([2, -1], [1, 2]), 'b.offset': tf.tensor([3]) }) as Record<string, Tensor>;
const batch = (slope: [number, number]): Batch => ({ images: tf.zeros([1]), targets: tf.tensor(slope) });
const close = (got: Tensor, expected: number[]) => {
  expect(got.size).toBe(expected.length);
  for (const [index, value] of values(got).entries()) expect(value).toBeCloseTo(expected[index]!, 5);
};

describe.each(engines)('sgdStep, %s', (name) => {
  const engine = engineOf(name);
  const plain = {
    learningRate: 0.1,
    momentum: 0.9,
    weightDecay: 0,
    offsetRateFactor: 1,
    offsetDecayFactor: 1,
    gradientCentralization: false,
  };

  test("subtracts from every unit's gradient its mean over the inputs, if requested", () => {
    const options = { ...plain, weightDecay: 0.01, gradientCentralization: true };
    const shapes = { a: [7], b: [3, 3, 24, 40], c: [0, 4], d: [3, 3, 3, 8], e: [130, 10], f: [5], g: [1, 5] };
    const normal = (seed: number): Record<string, Tensor> =>
      Object.fromEntries(
        Object.entries(shapes).map(([name, shape], index) => [
          name,
          tf.keep(tf.randomNormal(shape, 0, 1, 'float32', 10 * seed + index)),
        ]),
      );
    const [at, velocity] = [normal(1), normal(2)];
    const [weights, velocities, gradients] = [normal(1), normal(2), normal(3)];
    sgdStep(engine, at, velocity, gradients, options);
    for (const name of Object.keys(shapes)) {
      const [weight, gradient] = [weights[name]!, gradients[name]!];
      const direction = tf.add(centralized(gradient), tf.mul(weight, 0.01));
      const newVelocity = tf.add(tf.mul(velocities[name]!, 0.9), direction) as Tensor;
      close(velocity[name]!, values(newVelocity));
      close(
        at[name]!,
        values(tf.sub(weight, tf.mul(tf.add(direction, tf.mul(newVelocity, 0.9)), 0.1)) as Tensor),
      );
    }
  });

  test('makes two Nesterov steps as computed by hand, with separate rate and decay for offsets', () => {
    const at = weights();
    const velocity = initialMomentum(at);
    const options = { ...plain, weightDecay: 0.01, offsetRateFactor: 2, offsetDecayFactor: 0.5 };
    let [w, b, vw, vb] = [2, 3, 0, 0];
    for (let step = 0; step < 2; step += 1) {
      sgdStep(
        engine,
        at,
        velocity,
        { 'w.filter': tf.tensor([0.5, 0], [1, 2]), 'b.offset': tf.tensor([1]) },
        options,
      );
      const dw = 0.5 + 0.01 * w;
      const db = 1 + 0.005 * b;
      vw = 0.9 * vw + dw;
      vb = 0.9 * vb + db;
      w -= 0.1 * (dw + 0.9 * vw);
      b -= 0.2 * (db + 0.9 * vb);
    }
    expect(values(at['w.filter']!)[0]).toBeCloseTo(w, 5);
    close(at['b.offset']!, [b]);
  });

  test('reports a gradient of another shape', () => {
    const at = weights();
    const gradients = { ...weights(), 'w.filter': tf.tensor([1, 2, 3], [1, 3]) as Tensor };
    const velocity = initialMomentum(at);
    const before = tf.memory().numTensors;
    expect(() => sgdStep(engine, at, velocity, gradients, plain)).toThrow(/shape/);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('frees the tensors it replaces', () => {
    const at = weights();
    const velocity = initialMomentum(at);
    const gradients = weights();
    const before = tf.memory().numTensors;
    sgdStep(engine, at, velocity, gradients, plain);
    expect(tf.memory().numTensors).toBe(before);
  });
});

test('gradient centralization subtracts the mean over all axes but the last from filters, and does not change offsets', () => {
  const filter = tf.tensor([1, 10, 3, 30, 5, 50, 7, 70], [2, 2, 1, 2]);
  close(centralized(filter), [-3, -30, -1, -10, 1, 10, 3, 30]);
  close(centralized(tf.tensor([5, 6])), [5, 6]);
});

test('SAM gives the gradient at w + radius g / |g|, the length taken over all weights', () => {
  const radius = 0.5;
  const { gradients } = samEvaluation(evaluate, weights(), batch([1, 0]), radius);
  const g = [1 * 2 + 1, 4 * -1 + 0, 3]; // at w = [2, -1], b = 3
  const length = Math.hypot(...g);
  const [w0, w1, b] = [2, -1, 3].map((value, index) => value + (radius * g[index]!) / length) as [
    number,
    number,
    number,
  ];
  close(gradients['w.filter']!, [w0 + 1, 4 * w1]);
  close(gradients['b.offset']!, [b]);
});

test('meta-learning gives g1(w) + weight g2(w - step g1(w)), the second on the other batch', () => {
  const { gradients } = metaLearningEvaluation(evaluate, weights(), batch([1, 0]), batch([0, 2]), {
    step: 0.1,
    weight: 0.5,
  });
  const first = [3, -4];
  const ahead = [2 - 0.3, -1 + 0.4];
  close(gradients['w.filter']!, [first[0]! + 0.5 * ahead[0]!, first[1]! + 0.5 * (4 * ahead[1]! + 2)]);
  close(gradients['b.offset']!, [3 + 0.5 * (3 - 0.3)]);
});

test.each([
  ['SAM', () => samEvaluation(evaluate, weights(), batch([1, 0]), 0.5)],
  [
    'meta-learning',
    () =>
      metaLearningEvaluation(evaluate, weights(), batch([1, 0]), batch([0, 2]), { step: 0.1, weight: 0.5 }),
  ],
])('%s leaks no tensor except its result', (_, evaluation) => {
  const count = () => {
    const before = tf.memory().numTensors;
    // The call itself makes weights (2) and batches (2 or 4 tensors).
    tf.dispose(evaluation() as never);
    return tf.memory().numTensors - before;
  };
  const inputs = _ === 'SAM' ? 4 : 6;
  expect(count()).toBe(inputs);
});

describe.each(engines)('weight averaging, %s', (name) => {
  const engine = engineOf(name);

  test('is the plain mean at first and exponential once the horizon is shorter', () => {
    expect(averageDecay(0, 0.01, 0.02)).toBe(0);
    expect(averageDecay(1, 0.001, 0.02)).toBe(0.5);
    expect(averageDecay(1000, 0.01, 0.02)).toBeCloseTo(Math.exp(-0.5), 12);
  });

  test('averages weights and statistics', () => {
    const count = 40_000; // values, more than one thread processes at once
    const average: Record<string, Tensor> = {
      a: tf.keep(tf.tensor([1, 2])),
      none: tf.keep(tf.zeros([0, 3])),
      b: tf.keep(tf.reshape(tf.range(0, count), [100, 400])) as Tensor,
    };
    const latest = { b: tf.ones([100, 400]), a: tf.tensor([3, 6]), none: tf.zeros([0, 3]) };
    const before = tf.memory().numTensors;
    averageInto(engine, average, latest, 0.75);
    expect(tf.memory().numTensors).toBe(before);
    close(average.a!, [1.5, 3]);
    const expected = Array.from({ length: count }, (_, index) => 0.75 * index + 0.25);
    expect(error(values(average.b!), expected)).toBeLessThan(1e-6);
    expect([average.b!.shape, average.none!.shape]).toEqual([
      [100, 400],
      [0, 3],
    ]);
    const of = (mean: number, variance: number) => ({
      mean: tf.keep(tf.tensor([mean])) as Tensor,
      variance: tf.keep(tf.tensor([variance])) as Tensor,
    });
    const statistics = { first: of(0, 1), second: of(10, 20) };
    averageStatisticsInto(engine, statistics, { second: of(30, 40), first: of(1, 3) }, 0.5);
    close(statistics.first.mean, [0.5]);
    close(statistics.first.variance, [2]);
    close(statistics.second.mean, [20]);
    close(statistics.second.variance, [30]);
  });

  test('starts from the first weights it gets, then looks back over its horizon', () => {
    const statistics = { block: { mean: tf.tensor([0]) as Tensor, variance: tf.tensor([1]) as Tensor } };
    const average = createAverage(engine, { a: tf.tensor([100]) }, statistics, 0.1);
    const include = (value: number, fraction: number) =>
      average.include({ a: tf.tensor([value]) }, statistics, fraction);
    include(1, 0.01);
    include(3, 0.02);
    close(average.weights.a!, [2]);
    include(10, 0.52); // five horizons later the past has weight exp(-5)
    close(average.weights.a!, [2 * Math.exp(-5) + 10 * (1 - Math.exp(-5))]);
  });
});
