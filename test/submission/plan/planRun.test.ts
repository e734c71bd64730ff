import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { augmentationFor } from '../../../submission/augment.ts';
import { expectedAccuracy } from '../../../submission/plan/expectedAccuracy.ts';
import { WIDTHS } from '../../../submission/plan/planRun.ts';
import { defaultSettings } from '../../../submission/settings.ts';
import { type Engine, native, planOn, steps, trainingImages } from './madeUpMachine.ts';

const stock: Engine = { path: { engine: 'stock', bfloat16: false } };
const inBfloat16: Engine = { path: { engine: 'stock', bfloat16: true } };

/** Returns the epochs of a width in a budget, without start-up and plan. */
const epochsOf = (width: number, secondsOf: (width: number) => number, budget: number) =>
  (budget * defaultSettings.batchSize) / (secondsOf(width) * trainingImages);

const budgets = fc.double({ min: Math.log(10), max: Math.log(3600), noNaN: true }).map(Math.exp);
/** Seconds of a step of width 1, from a GPU's to a slow laptop's. */
const speeds = fc.double({ min: Math.log(0.005), max: Math.log(3), noNaN: true }).map(Math.exp);

describe('a plan', () => {
  test.each([
    [0.5, 'two Zen 3 cores', 0.47],
    [0.75, 'two AVX-512 cores with AVX2 ops', 0.2],
    [0.75, 'two AVX-512 cores', 0.14],
    [1.5, 'a machine ten times as fast', 0.014],
  ])('chooses width %d for ten minutes on %s', (width, _, secondsAtWidth1) => {
    const { plan } = planOn({ secondsOf: steps(secondsAtWidth1) }, 600);
    expect(plan.width).toBe(width);
    expect(plan.epochs / epochsOf(width, steps(secondsAtWidth1), 600)).toBeCloseTo(0.99, 1);
  });

  test('chooses the width whose expected accuracy is highest, at any speed and budget', () => {
    fc.assert(
      fc.property(speeds, budgets, (secondsAtWidth1, budget) => {
        const secondsOf = steps(secondsAtWidth1);
        const accuracy = (width: number) => expectedAccuracy(width, epochsOf(width, secondsOf, budget));
        const { plan } = planOn({ secondsOf }, budget);
        // Start-up and plan leave a little less than the budget, which moves the point where a width replaces another.
        const later = (width: number) => expectedAccuracy(width, epochsOf(width, secondsOf, 0.8 * budget));
        const best = WIDTHS.every((width) => accuracy(plan.width) >= accuracy(width));
        expect(best || WIDTHS.some((width) => width > plan.width && later(plan.width) >= later(width))).toBe(
          true,
        );
      }),
    );
  });

  test('with a hundredth more time and the same width changes no number of the recipe by much', () => {
    fc.assert(
      fc.property(speeds, (secondsAtWidth1) => {
        const secondsOf = steps(secondsAtWidth1);
        let less = planOn({ secondsOf }, 10).plan;
        for (let budget = 10; budget < 3600; budget *= 1.01) {
          const more = planOn({ secondsOf }, 1.01 * budget).plan;
          if (more.width === less.width) {
            // Start-up takes as long as before, and the plan may measure one width more.
            expect(more.epochs / less.epochs).toBeGreaterThan(0.98);
            expect(more.epochs / less.epochs).toBeLessThan(1.05);
            const [before, after] = [less, more].map(({ epochs }) =>
              augmentationFor(epochs, defaultSettings),
            );
            expect(Math.abs(after!.cutmix - before!.cutmix)).toBeLessThan(0.07);
            expect(Math.abs(after!.cutout - before!.cutout)).toBeLessThan(0.14);
            expect(Math.abs(after!.distortion - before!.distortion)).toBeLessThan(0.07);
          }
          less = more;
        }
      }),
      { numRuns: 5 },
    );
  });

  test('replaces a width by the next one at the budget where both are equally good', () => {
    fc.assert(
      fc.property(speeds, (secondsAtWidth1) => {
        const secondsOf = steps(secondsAtWidth1);
        const planIn = (budget: number) => planOn({ secondsOf }, budget).plan;
        for (const [index, wider] of WIDTHS.slice(1).entries()) {
          const epochSeconds = (secondsOf(wider) / defaultSettings.batchSize) * trainingImages;
          let [less, more] = [epochSeconds + 2, 200 * epochSeconds + 2];
          while (more / less > 1.001) {
            const middle = Math.sqrt(less * more);
            if (planIn(middle).width < wider) less = middle;
            else more = middle;
          }
          const [before, after] = [planIn(less), planIn(more)];
          expect([before.width, after.width]).toEqual([WIDTHS[index], wider]);
          const [one, other] = [before, after].map(({ width, epochs }) => expectedAccuracy(width, epochs));
          expect(Math.abs(one! - other!)).toBeLessThan(0.1);
        }
      }),
      { numRuns: 10 },
    );
  });

  test.each([20, 60, 600])(
    'of %d s measures for about a hundredth of it, and a few steps at least',
    (budget) => {
      const secondsOf = steps(0.2);
      const { seconds } = planOn({ secondsOf }, budget);
      expect(seconds).toBeLessThan(0.015 * budget + 4 * secondsOf(WIDTHS[0]!));
    },
  );

  test('measures the width that it chooses, but no width that is much too wide', () => {
    const { plan, measured } = planOn({ secondsOf: steps(0.14) }, 600);
    const widths = measured.map(([, width]) => width);
    expect(widths).toContain(plan.width);
    expect(widths).not.toContain(1.5);
  });

  test('does not count the time it takes to read CPU times as time of a step', () => {
    const machine = { secondsOf: steps(0.2) };
    const epochs = [0, 0.005].map(
      (reading) => planOn({ ...machine, reading }, 60, { widths: [0.25] }).plan.epochs,
    );
    expect(epochs[1]! / epochs[0]!).toBeCloseTo(1, 2);
  });

  test('chooses from the widths that it is given', () => {
    expect(planOn({ secondsOf: steps(0.14) }, 600, { widths: [0.25, 0.5] }).plan.width).toBe(0.5);
    const { plan, measured } = planOn({ secondsOf: steps(0.14) }, 600, { widths: [1.5] });
    expect(plan.width).toBe(1.5);
    expect(measured).toHaveLength(1);
  });

  test('finds the engine that is faster at its own best width, and prints both', () => {
    // bfloat16 is slower in narrow networks, and gains more from width.
    const secondsOf = (width: number, engine: Engine) =>
      engine === inBfloat16 ? 0.16 * (0.3 + 0.7 * width ** 1.9) : steps(0.2)(width);
    const said: string[] = [];
    const engines = [native, inBfloat16];
    const { plan } = planOn({ secondsOf }, 600, { engines, say: (line) => said.push(line) });
    expect(secondsOf(0.25, inBfloat16)).toBeGreaterThan(secondsOf(0.25, native));
    expect(plan.engine).toBe(inBfloat16);
    expect(said).toEqual([
      expect.stringMatching(/^native-avx512 ops in float32, width 0\.75: \d+ ms per step$/),
      expect.stringMatching(/^stock ops in bfloat16, width 0\.75: \d+ ms per step$/),
    ]);
  });

  test('finds the faster engine if the machine was slow while that engine was timed alone', () => {
    const engines = [native, inBfloat16];
    const secondsOf = (width: number, engine: Engine) => steps(engine === native ? 0.2 : 0.27)(width);
    // A neighbour that takes no time of the CPUs, but makes them slower.
    const speed = (at: number) => (at < 4 ? 0.6 : 1);
    expect(planOn({ secondsOf, speed }, 600, { engines }).plan.engine).toBe(native);
    const alone = planOn({ secondsOf, speed }, 600, { engines: [inBfloat16] });
    expect(alone.seconds).toBeGreaterThan(2); // the native engine was timed in the slow moment
  });

  test('keeps its choice if an engine fails when they take turns', () => {
    let stepsOfStock = 0;
    const secondsOf = (width: number, engine: Engine) => {
      if (engine === stock && ++stepsOfStock > 5) throw new Error('no memory');
      return steps(engine === stock ? 0.24 : 0.2)(width);
    };
    const said: string[] = [];
    const say = (line: string) => said.push(line);
    const { plan } = planOn({ secondsOf }, 600, { engines: [stock, native], widths: [0.75], say });
    expect(said.at(-1)).toBe('in turn: skipped because one fails: Error: no memory');
    expect(plan.engine).toBe(native);
  });

  test('skips engines that fail, by name, and fails if all do', () => {
    const failing = (bad: readonly Engine[]) => (width: number, engine: Engine) => {
      if (bad.includes(engine)) throw new Error('no such kernel');
      return steps(0.2)(width);
    };
    const said: string[] = [];
    const say = (line: string) => said.push(line);
    const engines = [native, inBfloat16, stock];
    const others = failing([native, stock]);
    expect(planOn({ secondsOf: others }, 600, { engines, say }).plan.engine).toBe(inBfloat16);
    expect(said[0]).toBe('native-avx512 ops in float32: skipped because they fail: Error: no such kernel');
    expect(() => planOn({ secondsOf: failing(engines) }, 600, { engines })).toThrow('no such kernel');
  });
});
