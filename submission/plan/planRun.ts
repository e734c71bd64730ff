import type { Clock } from '../clock.ts';
import type { Path } from '../engine/engine.ts';
import { plainShare } from '../schedule.ts';
import type { Settings } from '../settings.ts';
import type { CpuSeconds } from './cpuSeconds.ts';
import { expectedAccuracy } from './expectedAccuracy.ts';
import { fastestInTurn, type TimedWay } from './fastestInTurn.ts';
import { createStepTimer, type Steps } from './stepTimer.ts';

/** What a plan chooses from, and for which run. */
export interface Task<E extends { readonly path: Path }> {
  /** One or more. */
  readonly engines: readonly E[];
  /** One or more, rising. */
  readonly widths: readonly number[];
  /** Multiply-adds of a width per image, to guess the time of a width from another's. */
  readonly work: (width: number) => number;
  readonly settings: Settings;
  readonly trainingImages: number;
  readonly budgetSeconds: number;
}

export interface Plan<E> {
  readonly engine: E;
  readonly width: number;
  /** Expected epochs, if no other program uses the machine. */
  readonly epochs: number;
}

/** How a plan measures. */
export interface Measurement<E> {
  readonly clock: Clock;
  readonly cpuSeconds: () => CpuSeconds | null;
  /** Prepares training steps with one gradient on noise. */
  readonly startSteps: (engine: E, width: number) => Steps;
}

/** Widths to choose from, by default. */
export const WIDTHS = [0.25, 0.375, 0.5, 0.75, 1, 1.5];

/**
 * Share of the budget for timed steps, without the time that other programs take. Each engine makes a few steps of a
 * width even if that takes longer.
 */
const MEASURED_SHARE = 0.01;
/** Share of the budget after which no step starts, however little of it the run got. */
const MOST_SHARE = 0.05;
/** The same for turns of the engines at the width that was chosen. */
const TURNS_SHARE = 0.01;
/** The time of a step grows at least with this power of the multiply-adds: parts of it do not depend on the width. */
const LEAST_GROWTH = 0.5;

/**
 * Plans a run: returns the engine and the width with the highest expected accuracy in the remaining time, by timing
 * training steps of the widths in question. Engines that fail are skipped if another works.
 *
 * @param say prints a line
 * @throws Error of the last engine if none works
 */
export function planRun<E extends { readonly path: Path }>(
  { engines, widths, work, settings, trainingImages, budgetSeconds }: Task<E>,
  { clock, cpuSeconds, startSteps }: Measurement<E>,
  say: (line: string) => void,
): Plan<E> {
  // A step of meta-learning computes two gradients, but also trains on two batches.
  const epochsFrom = (fraction: number, { seconds }: Timed) =>
    (plainShare(fraction, settings) * clock.usable() * settings.batchSize) / (seconds * trainingImages);
  const start = clock.fraction();
  const accuracy = (timed: Timed) => expectedAccuracy(timed.width, epochsFrom(start, timed));

  const timer = createStepTimer(
    clock,
    cpuSeconds,
    MEASURED_SHARE * budgetSeconds,
    MOST_SHARE * budgetSeconds,
  );
  let best: TimedWay<E> | null = null;
  const worked: TimedWay<E>[] = [];
  let failure: unknown;
  for (const engine of engines) {
    const name = `${engine.path.engine} ops in ${engine.path.bfloat16 ? 'bfloat16' : 'float32'}`;
    // An engine that is not faster at this width is not better at a narrower one either.
    const narrowest = best?.width ?? 0;
    const wideEnough = widths.filter((width) => width >= narrowest);
    try {
      const timed = bestWidth(wideEnough, work, accuracy, (width, guess) =>
        timer.secondsPerStep(() => startSteps(engine, width), guess),
      );
      say(`${name}, width ${timed.width}: ${(1000 * timed.seconds).toFixed(0)} ms per step`);
      worked.push({ engine, ...timed });
      if (best === null || accuracy(timed) > accuracy(best)) best = worked.at(-1)!;
    } catch (error) {
      say(`${name}: skipped because they fail: ${error}`);
      failure = error;
    }
  }
  if (best === null) throw failure;
  const turns = createStepTimer(clock, cpuSeconds, TURNS_SHARE * budgetSeconds, MOST_SHARE * budgetSeconds);
  const scale = (from: number, to: number) => (work(to) / work(from)) ** LEAST_GROWTH;
  let inTurn: readonly TimedWay<E>[] = [best];
  try {
    inTurn = fastestInTurn(best, worked, scale, turns, startSteps);
  } catch (error) {
    // An engine can fail at a wider network than its own best.
    say(`in turn: skipped because one fails: ${error}`);
  }
  if (inTurn.length > 1) {
    const times = inTurn.map(
      ({ engine, seconds }) => `${engine.path.engine} ${(1000 * seconds).toFixed(0)} ms`,
    );
    say(`in turn at width ${best.width}: ${times.join(', ')}`);
  }
  const fastest = inTurn[0]!;
  return {
    engine: fastest.engine,
    width: fastest.width,
    epochs: epochsFrom(clock.fraction(), fastest),
  };
}

/** A width, and the seconds of a step. */
interface Timed {
  readonly width: number;
  readonly seconds: number;
}

/**
 * Returns the width with the highest accuracy. It measures one width after the other, from the narrowest, until no
 * wider one can be better. The time of a width that was not measured is guessed to be short, so that none is missed.
 *
 * @param widths rising
 * @param measure returns the seconds per step of a width, by a guess of them; null if there is no time to measure it
 */
function bestWidth(
  widths: readonly number[],
  work: (width: number) => number,
  accuracy: (timed: Timed) => number,
  measure: (width: number, guess: number | null) => number | null,
): Timed {
  const [narrowest, ...wider] = widths as [number, ...number[]];
  let last: Timed = { width: narrowest, seconds: measure(narrowest, null)! };
  let best = last;
  const guess = (width: number): Timed => ({
    width,
    seconds: last.seconds * (work(width) / work(last.width)) ** LEAST_GROWTH,
  });
  for (const [index, width] of wider.entries()) {
    if (wider.slice(index).every((width) => accuracy(guess(width)) <= accuracy(best))) break;
    const seconds = measure(width, guess(width).seconds);
    if (seconds === null) break;
    last = { width, seconds };
    if (accuracy(last) > accuracy(best)) best = last;
  }
  return best;
}
