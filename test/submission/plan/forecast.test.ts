import { describe, expect, test } from '@jest/globals';
import { augmentationFor } from '../../../submission/augment.ts';
import { createForecast, describeForecasts } from '../../../submission/plan/forecast.ts';
import { defaultSettings } from '../../../submission/settings.ts';
import { planOn, runOn, steps } from './madeUpMachine.ts';

const secondsOf = steps(0.14);
const quiet = planOn({ secondsOf }, 600).plan;

describe('the epochs expected', () => {
  test.each([
    ['ten minutes', 600, 0.14, {}],
    ['ten minutes on a slow machine', 600, 2, {}],
    ['a minute', 60, 0.14, {}],
    ['twenty seconds', 20, 0.14, {}],
    ['ten minutes with SAM in every second step of the last half', 600, 0.14, { samEvery: 2, samFrom: 0.5 }],
  ])('at constant speed are those done within 5 %%: %s', (_, budget, secondsAtWidth1, changes) => {
    const settings = { ...defaultSettings, ...changes };
    const { outcome } = runOn({ secondsOf: steps(secondsAtWidth1) }, budget, { settings });
    expect(Math.abs(outcome.plannedError!)).toBeLessThan(0.05);
    expect(Math.abs(outcome.revisedError!)).toBeLessThan(0.05);
  });

  test.each([0.7, 0.3, 0.1])(
    'and the width are not those of the first ten seconds, with %d of the CPUs',
    (share) => {
      const granted = (at: number) => (at < 10 ? share : 1);
      const { plan, outcome, expectedAt } = runOn({ secondsOf, granted }, 600);
      expect(plan.width).toBe(quiet.width);
      expect(Math.abs(outcome.plannedError!)).toBeLessThan(0.05);
      expect(Math.abs(outcome.revisedError!)).toBeLessThan(0.05);
      for (let fraction = 0; fraction < 1; fraction += 0.005) {
        expect(Math.abs(expectedAt(fraction) / outcome.epochs - 1)).toBeLessThan(0.05);
      }
    },
  );

  test('follow a neighbour that stays, at the width of the quiet machine', () => {
    const { plan, outcome } = runOn({ secondsOf, granted: () => 0.6 }, 600);
    expect(plan.width).toBe(quiet.width);
    expect(outcome.plannedError).toBeGreaterThan(0.5);
    expect(Math.abs(outcome.revisedError!)).toBeLessThan(0.05);
  });

  test('follow a machine that becomes a quarter slower half-way, and CutMix follows them', () => {
    // 38 epochs at full speed, where the share of CutMix depends on their number.
    const widths = [1];
    const { outcome, expectedAt } = runOn(
      { secondsOf: steps(0.2), speed: (at) => (at < 300 ? 1 : 0.75) },
      600,
      { widths },
    );
    const { epochs } = outcome;
    expect(outcome.plannedError).toBeGreaterThan(0.1);
    expect(outcome.revisedError).toBeGreaterThan(0.1);
    for (const fraction of [0.6, 0.8, 1]) {
      expect(Math.abs(expectedAt(fraction) / epochs - 1)).toBeLessThan(0.02);
    }
    const shareAt = (fraction: number) => augmentationFor(expectedAt(fraction), defaultSettings).cutmix;
    expect(shareAt(0.4)).toBeGreaterThan(shareAt(0.6) + 0.05);
    expect(shareAt(0.6)).toBeGreaterThan(0);
  });

  test('distortion follows them too, in a run of its own range', () => {
    // 17 epochs at full speed.
    const { expectedAt } = runOn({ secondsOf: steps(0.45), speed: (at) => (at < 300 ? 1 : 0.75) }, 600, {
      widths: [1],
    });
    const shareAt = (fraction: number) => augmentationFor(expectedAt(fraction), defaultSettings).distortion;
    expect(shareAt(0.4)).toBeGreaterThan(shareAt(0.6) + 0.02);
    expect(shareAt(0.6)).toBeGreaterThan(0);
  });

  test('settle on the mean speed of a machine whose speed swings, and so does the width', () => {
    for (const phase of [0, 5, 10, 15]) {
      const speed = (at: number) => 1 + 0.2 * Math.sin((2 * Math.PI * (at + phase)) / 20);
      const { plan, outcome, expectedAt } = runOn({ secondsOf, speed }, 600);
      expect(plan.width).toBe(quiet.width);
      expect(Math.abs(outcome.plannedError!)).toBeLessThan(0.25);
      expect(Math.abs(outcome.revisedError!)).toBeLessThan(0.15);
      for (const fraction of [0.2, 0.4, 0.6, 0.8]) {
        expect(Math.abs(expectedAt(fraction) / outcome.epochs - 1)).toBeLessThan(0.05);
      }
    }
  });

  test('are revised within seconds if the plan was wrong', () => {
    // Real steps take a third longer than those of the plan.
    let isPlanned = false;
    const speed = () => (isPlanned ? 0.75 : 1);
    const { outcome } = runOn({ secondsOf, speed }, 600, { say: () => (isPlanned = true) });
    expect(outcome.plannedError).toBeGreaterThan(0.3);
    expect(Math.abs(outcome.revisedError!)).toBeLessThan(0.02);
  });
});

describe('the outcome', () => {
  test('compares both forecasts with the epochs done, and is printed', () => {
    const outcome = {
      plannedEpochs: 90,
      plannedError: 0.125,
      epochs: 80,
      revisedEpochs: 79,
      revisedError: -0.0125,
    };
    expect(describeForecasts(outcome)).toBe('planned 90.0 (+12.5 %), revised early to 79.0 (-1.3 %)');
    expect(describeForecasts({ ...outcome, revisedEpochs: null, revisedError: null })).toBe(
      'planned 90.0 (+12.5 %)',
    );
    // No step fitted into the budget.
    const nothing = createForecast(3, 1, defaultSettings).outcome(0);
    expect(nothing).toMatchObject({ plannedEpochs: 3, plannedError: null, revisedEpochs: null });
    expect(describeForecasts(nothing)).toBe('planned 3.0');
  });
});
