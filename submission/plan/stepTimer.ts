import type { Clock } from '../clock.ts';
import { type CpuSeconds, undisturbed } from './cpuSeconds.ts';
import { median } from './median.ts';

export interface Steps {
  step(): void;
  close(): void;
}

/** Steps before those that count: they compile kernels and JavaScript, and allocate memory. */
const WARM_UP_STEPS = 2;
const STEPS = 3;

/** Times training steps as long as its allowance lasts. */
export interface StepTimer {
  /**
   * Returns the median of the seconds that steps take without other programs, and closes the steps.
   *
   * @param start prepares the steps
   * @param guess seconds that a step takes at least; null to time a few steps whatever the allowance
   * @returns null, without preparing the steps, if the allowance is too small for them
   */
  secondsPerStep(start: () => Steps, guess: number | null): number | null;
  /**
   * Returns the same of several kinds of steps that take turns, so that a machine whose speed changes meanwhile favours
   * none.
   *
   * @param guess seconds that one step of each takes together
   * @param rounds number of turns of each after the warm-up, if the allowance lasts
   * @returns null, without preparing the steps, if the allowance is too small for one turn
   */
  secondsInTurn(starts: readonly (() => Steps)[], guess: number, rounds: number): number[] | null;
}

/**
 * Creates a timer.
 *
 * @param allowance seconds for steps, without the time that other programs take
 * @param mostSeconds after which no further step starts, however little of them the steps got
 */
export function createStepTimer(
  clock: Pick<Clock, 'elapsed'>,
  cpuSeconds: () => CpuSeconds | null,
  allowance: number,
  mostSeconds: number,
): StepTimer {
  const until = clock.elapsed() + mostSeconds;
  let left = allowance;
  const timed = (steps: Steps): number => {
    const before = cpuSeconds(); // takes milliseconds
    const started = clock.elapsed();
    steps.step();
    const seconds = undisturbed(clock.elapsed() - started, before, cpuSeconds());
    left -= seconds;
    return seconds;
  };
  const allows = (seconds: number) => seconds < left && clock.elapsed() < until;
  return {
    secondsPerStep(start, guess) {
      if (guess !== null && !allows((WARM_UP_STEPS + 1) * guess)) return null;
      const steps = start();
      try {
        for (let step = 0; step < WARM_UP_STEPS; step += 1) timed(steps);
        const seconds: number[] = [];
        do seconds.push(timed(steps));
        while (seconds.length < STEPS && allows(0));
        return median(seconds);
      } finally {
        steps.close();
      }
    },
    secondsInTurn(starts, guess, rounds) {
      if (!allows((WARM_UP_STEPS + 1) * guess)) return null;
      const all: Steps[] = [];
      try {
        for (const start of starts) all.push(start());
        for (const steps of all) for (let step = 0; step < WARM_UP_STEPS; step += 1) timed(steps);
        const seconds = all.map((): number[] => []);
        for (let round = 0; round === 0 || (round < rounds && allows(0)); round += 1) {
          for (const [index, steps] of all.entries()) seconds[index]!.push(timed(steps));
        }
        return seconds.map(median);
      } finally {
        for (const steps of all) steps.close();
      }
    },
  };
}
