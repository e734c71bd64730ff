/**
 * The submission's view of its budget. It counts from process start, like the evaluator; Node's start-up before that is
 * covered by the margin.
 */
export interface Clock {
  /** Seconds since the process started. */
  elapsed(): number;
  /** Seconds of the budget for everything before the final save and the exit. */
  usable(): number;
  /** Elapsed share of the usable budget, 0 to 1. */
  fraction(): number;
  /** Whether another step and the final save still fit. */
  allowsStep(): boolean;
  /** Records how long a step took. */
  tookStep(seconds: number): void;
  /** Records how long a save took. */
  tookSave(seconds: number): void;
}

/** Margin for process exit and other delays, seconds. */
const EXIT_MARGIN = 0.4;

/**
 * Creates the clock of a stage.
 *
 * @param budgetSeconds of the whole stage
 * @param now seconds since the process started
 */
export function createClock(budgetSeconds: number, now: () => number): Clock {
  let slowestRecentStep = 0;
  let slowestSave = 0.1;
  // Twice the slowest save, so that the last one ends in time on a busy disk.
  const reserve = () => EXIT_MARGIN + 2 * slowestSave + slowestRecentStep;
  const usable = () => Math.max(budgetSeconds - reserve(), 1e-3);
  return {
    elapsed: now,
    usable,
    fraction: () => Math.min(now() / usable(), 1),
    allowsStep: () => now() < usable(),
    // Slow steps decay slowly, so that one slow step widens the margin only for a while.
    tookStep: (seconds) => (slowestRecentStep = Math.max(seconds, slowestRecentStep * 0.98)),
    tookSave: (seconds) => (slowestSave = Math.max(seconds, slowestSave)),
  };
}
