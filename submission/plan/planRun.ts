import type { Clock } from '../clock.ts';
import type { Path } from '../engine/engine.ts';
import { plainShare } from '../schedule.ts';
import type { Settings } from '../settings.ts';
import type { CpuSeconds } from './cpuSeconds.ts';
import { expectedAccuracy } from './expectedAccuracy.ts';
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
/** The same for the contest between engines that take turns, at the width that was chosen. */
const CONTEST_SHARE = 0.01;
const CONTEST_ROUNDS = 5;
/** An engine that took this many times as long as the fastest is not timed again. */
const RIVAL_FACTOR = 2;
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
  let best: (Timed & { engine: E }) | null = null;
  const worked: (Timed & { engine: E })[] = [];
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
  const { width, seconds } = best;
  // They were timed one after the other, so a slow moment may have hidden the fastest.
  const rivals = worked.filter((each) => {
    const least = each.seconds * Math.min(1, (work(width) / work(each.width)) ** LEAST_GROWTH);
    return least < RIVAL_FACTOR * seconds;
  });
  if (rivals.length === 1) return planOf(best);
  const contest = createStepTimer(
    clock,
    cpuSeconds,
    CONTEST_SHARE * budgetSeconds,
    MOST_SHARE * budgetSeconds,
  );
  const starts = rivals.map(
    ({ engine }) =>
      () =>
        startSteps(engine, width),
  );
  const guess = rivals.reduce((sum, each) => sum + each.seconds, 0);
  const inTurn = contest.secondsInTurn(starts, guess, CONTEST_ROUNDS);
  if (inTurn === null) return planOf(best);
  const times = rivals.map(({ engine }, index) => ({ engine, width, seconds: inTurn[index]! }));
  const inMilliseconds = times.map(
    ({ engine, seconds }) => `${engine.path.engine} ${(1000 * seconds).toFixed(0)} ms`,
  );
  say(`in turn at width ${width}: ${inMilliseconds.join(', ')}`);
  return planOf(times.reduce((least, each) => (each.seconds < least.seconds ? each : least)));

  function planOf(chosen: Timed & { engine: E }): Plan<E> {
    return { engine: chosen.engine, width: chosen.width, epochs: epochsFrom(clock.fraction(), chosen) };
  }
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
