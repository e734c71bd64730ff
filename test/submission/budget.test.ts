import { describe, expect, test } from '@jest/globals';
import { createBudget, requireBudget } from '../../submission/budget.ts';

/** A clock that has half of its time left, or none. */
const clockWith = (hasTime: boolean) => ({
  fraction: () => 0.5,
  allowsStep: () => hasTime,
  elapsed: () => 300,
});

test('without epochs the budget is the clock', () => {
  const clock = clockWith(true);
  const budget = createBudget(clock, { trainEpochs: 0 }, () => 7);
  expect([budget.fraction(), budget.allowsStep()]).toEqual([0.5, true]);
  expect(createBudget(clockWith(false), { trainEpochs: 0 }, () => 7).allowsStep()).toBe(false);
});

describe('with epochs', () => {
  test.each([
    [0, 0, true],
    [5, 0.25, true],
    [19.99, 0.9995, true],
    [20, 1, false],
    [20.1, 1, false],
  ])('after %d of 20 the share is %d', (done, share, goesOn) => {
    const budget = createBudget(clockWith(true), { trainEpochs: 20 }, () => done);
    expect(budget.fraction()).toBeCloseTo(share, 12);
    expect(budget.allowsStep()).toBe(goesOn);
  });

  test('a run out of time fails and says how far it came, because it must not pass for a whole one', () => {
    const budget = createBudget(clockWith(false), { trainEpochs: 20 }, () => 12.34);
    expect(() => budget.allowsStep()).toThrow('after 12.3 of 20 epochs (300 s)');
    // A run that has finished needs no time.
    expect(createBudget(clockWith(false), { trainEpochs: 20 }, () => 20).allowsStep()).toBe(false);
  });

  test('a width is needed, which could only be chosen by time', () => {
    expect(() => requireBudget({ trainEpochs: 20, width: 0 })).toThrow('--set trainEpochs=20: needs a width');
    expect(() => requireBudget({ trainEpochs: -1, width: 1 })).toThrow('--set trainEpochs=-1');
    requireBudget({ trainEpochs: 20, width: 0.5 });
    requireBudget({ trainEpochs: 0, width: 0 });
  });
});
