import { describe, expect, test } from '@jest/globals';
import type { Engine, Path } from '../../submission/engine/engine.ts';
import { backend } from '../../submission/engine/ops.ts';
import { tf } from '../../submission/engine/tensorflow.ts';
import { multiplyAdds } from '../../submission/model/resnet9.ts';
import { fastest, type Measure, planRun, type Task } from '../../submission/plan.ts';
import { defaultSettings } from '../../submission/settings.ts';
import { engineOf, engines } from './engines.ts';

const [native, stock, inBfloat16] = [
  { path: { engine: 'native-avx2', bfloat16: false } },
  { path: { engine: 'stock', bfloat16: false } },
  { path: { engine: 'stock', bfloat16: true } },
] as const satisfies { path: Path }[];
type Named = { readonly path: Path };

const ofWidth = (width: number) => ({ width, classes: 10, celuAlpha: 0.3, logitScale: 1 / 16 });
/** Returns an engine that these tests only measure, with a function that does not run it. */
const asEngine = (named: Named) => named as Engine;
const task: Task = {
  engines: [asEngine(stock)],
  ofWidth,
  settings: defaultSettings,
  trainingImages: 5000,
  budgetSeconds: 600,
};
const silent = () => {};

/** Returns the rate at which a width gets the given epochs in the whole budget, with one gradient per step. */
const rateFor = (width: number, epochs: number) =>
  (epochs * 3 * multiplyAdds({ width, classes: 10 }) * task.trainingImages) / task.budgetSeconds;

describe('a plan', () => {
  test.each([
    ['1.5', 1.5, 33],
    ['0.75', 0.75, 33],
    ['the next narrower one if it just misses them', 0.5, 33, 0.75],
  ])('chooses the widest network with the minimum number of epochs: %s', (_, width, epochs, misses = 0) => {
    const rate = misses ? Math.min(rateFor(misses, 31.9), rateFor(width, 100)) : rateFor(width, epochs);
    const plan = planRun(task, silent, () => rate);
    expect(plan.width).toBe(width);
    expect(plan.epochs).toBeGreaterThanOrEqual(defaultSettings.leastEpochs);
  });

  test('chooses the narrowest network if no width gets the minimum number of epochs', () => {
    const plan = planRun(task, silent, () => rateFor(0.25, 3));
    expect(plan.width).toBe(0.25);
    expect(plan.epochs).toBeCloseTo(3, 2);
  });

  test('keeps a given width, and reports its epochs', () => {
    const settings = { ...defaultSettings, width: 1 };
    const plan = planRun({ ...task, settings }, silent, () => rateFor(1, 7));
    expect(plan.width).toBe(1);
    expect(plan.epochs).toBeCloseTo(7, 2);
  });

  test.each([
    ['SAM at every second step of the last half', { samEvery: 2, samFrom: 0.5 }, 1.25],
    ['meta-learning', { metaStep: 0.1 }, 2],
  ])('expects fewer epochs with %s', (_, changes, gradients) => {
    const settings = { ...defaultSettings, width: 1, ...changes };
    const { epochs } = planRun({ ...task, settings }, silent, () => rateFor(1, 10));
    expect(epochs).toBeCloseTo(10 / gradients, 2);
  });

  test("compares engines at full width, and measures the winner at the probe's width", () => {
    const measured: [Path, number][] = [];
    const measure: Measure = (engine, { width }, _, seconds) => {
      measured.push([engine.path, width]);
      expect(seconds).toBe(30); // a twentieth of the budget
      return engine.path.bfloat16 ? 2e12 : 1e12;
    };
    const said: string[] = [];
    const both = [asEngine(native), asEngine(inBfloat16)];
    const plan = planRun({ ...task, engines: both }, (line) => said.push(line), measure);
    expect(plan.engine).toBe(both[1]);
    expect(measured).toEqual([
      [native.path, 1],
      [inBfloat16.path, 1],
      [inBfloat16.path, 0.375],
    ]);
    expect(said).toHaveLength(2);
  });

  test.each(engines)('leaks no tensor with real steps of the %s engine', (name) => {
    const real = { ...task, engines: [engineOf(name)], settings: { ...defaultSettings, batchSize: 8 } };
    planRun(real, silent); // creates the constants that are kept permanently
    const [tensors, handles] = [tf.memory().numTensors, backend.getNumOfTFTensors()];
    const { engine, epochs, width } = planRun(real, silent);
    expect(engine).toBe(real.engines[0]);
    expect([1.5, 1, 0.75, 0.5, 0.375, 0.25]).toContain(width);
    expect(epochs).toBeGreaterThan(0);
    expect(epochs).toBeLessThan(1e5);
    expect([tf.memory().numTensors, backend.getNumOfTFTensors()]).toEqual([tensors, handles]);
  });
});

describe('the fastest engine', () => {
  test('is chosen, and the rates are printed', () => {
    const rates = new Map<Named, number>([
      [native, 3e9],
      [stock, 1e9],
      [inBfloat16, 4e9],
    ]);
    const rateOf = (engine: Named) => rates.get(engine)!;
    const said: string[] = [];
    expect(fastest<Named>([native, inBfloat16, stock], rateOf, (line) => said.push(line))).toBe(inBfloat16);
    expect(fastest<Named>([native, stock], rateOf, silent)).toBe(native);
    expect(said).toEqual([
      'native-avx2 ops in float32: 3.0 billion multiply-adds/s',
      'stock ops in bfloat16: 4.0 billion multiply-adds/s',
      'stock ops in float32: 1.0 billion multiply-adds/s',
    ]);
  });

  test('is chosen from those that work, and failing ones are named; if all fail, so does the plan', () => {
    const failing = (bad: readonly Named[]) => (engine: Named) => {
      if (bad.includes(engine)) throw new Error('no such kernel');
      return 1;
    };
    const said: string[] = [];
    const both: Named[] = [native, inBfloat16];
    expect(fastest(both, failing([inBfloat16]), (line) => said.push(line))).toBe(native);
    expect(said[1]).toBe('stock ops in bfloat16: skipped because they fail: Error: no such kernel');
    expect(fastest(both, failing([native]), silent)).toBe(inBfloat16);
    expect(() => fastest(both, failing(both), silent)).toThrow('no such kernel');
  });

  test('is not measured if there is only one', () => {
    const never = () => {
      throw new Error('measured');
    };
    expect(fastest([stock], never, never)).toBe(stock);
  });
});
