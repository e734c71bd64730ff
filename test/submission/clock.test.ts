import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createClock } from '../../submission/clock.ts';

test('steps and saves as long as earlier ones end within the budget', () => {
  const seconds = fc.double({ min: 0.001, max: 2, noNaN: true });
  fc.assert(
    fc.property(seconds, seconds, fc.double({ min: 10, max: 600, noNaN: true }), (step, save, budget) => {
      let now = 0;
      const clock = createClock(budget, () => now);
      now += step;
      clock.tookStep(step);
      now += save;
      clock.tookSave(save);
      while (clock.allowsStep()) {
        now += step;
        clock.tookStep(step);
      }
      return now + save <= budget;
    }),
  );
});

test('the fraction reaches 1 only when no further step is allowed', () => {
  let now = 0;
  const clock = createClock(100, () => now);
  clock.tookStep(0.5);
  clock.tookSave(0.2);
  for (; clock.allowsStep(); now += 0.5) expect(clock.fraction()).toBeLessThan(1);
  expect(clock.fraction()).toBe(1);
});
