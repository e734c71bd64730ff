import type { Steps, StepTimer } from './stepTimer.ts';

/** A way to train, and the seconds of a step. */
export interface TimedWay<E> {
  readonly engine: E;
  readonly width: number;
  readonly seconds: number;
}

/** Turns of each engine, if there is time for them. */
const ROUNDS = 5;
/** An engine that took this many times as long as the chosen one is not timed again. */
const RIVAL_FACTOR = 2;

/**
 * Times engines again at the width that was chosen. They were timed one after the other, so a slow moment of the machine
 * may have hidden the fastest; here they take turns.
 *
 * @param chosen the best of `timed`
 * @param timed every engine at its own best width
 * @param scale least factor of a step's time from one width to another
 * @returns the engines that took turns, the fastest first; only `chosen` if no other comes near, or the timer's allowance
 * is too small for a turn of each
 */
export function fastestInTurn<E>(
  chosen: TimedWay<E>,
  timed: readonly TimedWay<E>[],
  scale: (from: number, to: number) => number,
  timer: Pick<StepTimer, 'secondsInTurn'>,
  startSteps: (engine: E, width: number) => Steps,
): readonly TimedWay<E>[] {
  const { width, seconds } = chosen;
  const rivals = timed.filter(
    (each) => each.seconds * Math.min(1, scale(each.width, width)) < RIVAL_FACTOR * seconds,
  );
  if (rivals.length === 1) return [chosen];
  const starts = rivals.map((each) => startSteps.bind(null, each.engine, width));
  const guess = rivals.reduce((sum, each) => sum + each.seconds, 0);
  const inTurn = timer.secondsInTurn(starts, guess, ROUNDS);
  if (inTurn === null) return [chosen];
  return rivals
    .map(({ engine }, index) => ({ engine, width, seconds: inTurn[index]! }))
    .sort((a, b) => a.seconds - b.seconds);
}
