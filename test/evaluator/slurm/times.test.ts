import { expect, test } from '@jest/globals';
import { timesFrom, usualTimes } from '../../../evaluator/slurm/times.ts';

test('the time in which a task must begin is 120 s, or what the environment sets', () => {
  expect(timesFrom({})).toEqual({ ...usualTimes, start: 120_000 });
  expect(timesFrom({ HAET_SLURM_START_SECONDS: '' })).toEqual(usualTimes);
  expect(timesFrom({ HAET_SLURM_START_SECONDS: '20' })).toEqual({ ...usualTimes, start: 20_000 });
});

test.each(['soon', '0', '-1', 'NaN'])('a time of %s is refused by name', (text) => {
  expect(() => timesFrom({ HAET_SLURM_START_SECONDS: text })).toThrow(
    `HAET_SLURM_START_SECONDS=${text}: is not a number of seconds of at least 1`,
  );
});
