import { plainShare } from '../schedule.ts';
import type { Settings } from '../settings.ts';
import { median } from './median.ts';

/** Expected epochs of a run, which follow its speed. */
export interface Forecast {
  /** Records the progress of training. @param fraction elapsed share of the budget @param epochs trained so far */
  observe(fraction: number, epochs: number): void;
  /** Returns the epochs to expect of the whole run, by the speed of the last tenth of the budget. */
  epochs(): number;
  /** Compares the epochs expected at the start and a twentieth of the budget later with those done. */
  outcome(epochs: number): Outcome;
}

export interface Outcome {
  readonly plannedEpochs: number;
  /** Null if the run was shorter. */
  readonly revisedEpochs: number | null;
  readonly epochs: number;
  /** Share by which the expected epochs were too many (above 0) or too few. Null without epochs. */
  readonly plannedError: number | null;
  readonly revisedError: number | null;
}

/** Share of the budget over which a speed is the mean. */
const INTERVAL = 1 / 400;
/** Intervals whose median counts. */
const INTERVALS = 40;
/** Intervals that the measured speed of the plan counts for: longer than ten seconds of ten minutes. */
const PLANNED_INTERVALS = 8;
/** Share of the budget after which the revised forecast is kept for the outcome. */
const REVISED_AFTER = 1 / 20;

/**
 * Creates the forecast of a run.
 *
 * @param planned epochs expected at the first step
 * @param start elapsed share of the budget at the first step
 */
export function createForecast(
  planned: number,
  start: number,
  settings: Pick<Settings, 'samEvery' | 'samFrom'>,
): Forecast {
  // Epochs per budget, as if every step had one gradient.
  const speeds: number[] = new Array(PLANNED_INTERVALS).fill(planned / plainShare(start, settings));
  let interval = { from: start, epochs: 0 };
  let expected = planned;
  let revised: number | null = null;
  return {
    observe(fraction, epochs) {
      if (fraction - interval.from < INTERVAL) return;
      const share = plainShare(interval.from, settings) - plainShare(fraction, settings);
      speeds.push((epochs - interval.epochs) / share);
      if (speeds.length > INTERVALS) speeds.shift();
      interval = { from: fraction, epochs };
      expected = epochs + median(speeds) * plainShare(fraction, settings);
      if (revised === null && fraction - start >= REVISED_AFTER) revised = expected;
    },
    epochs: () => expected,
    outcome: (epochs) => ({
      plannedEpochs: planned,
      revisedEpochs: revised,
      epochs,
      plannedError: excess(planned, epochs),
      revisedError: excess(revised, epochs),
    }),
  };
}

const excess = (expected: number | null, done: number): number | null =>
  expected === null || done === 0 ? null : expected / done - 1;

/** Returns the forecasts of an outcome in words, for the end of a run. */
export function describeForecasts({
  plannedEpochs,
  plannedError,
  revisedEpochs,
  revisedError,
}: Outcome): string {
  const words = (name: string, expected: number, error: number | null) =>
    `${name} ${expected.toFixed(1)}${error === null ? '' : ` (${error < 0 ? '' : '+'}${(100 * error).toFixed(1)} %)`}`;
  const planned = words('planned', plannedEpochs, plannedError);
  return revisedEpochs === null
    ? planned
    : `${planned}, ${words('revised early to', revisedEpochs, revisedError)}`;
}
