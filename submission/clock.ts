/**
 * The submission's view of its budget. It counts from the start of the process, as the evaluator does; the part of a
 * second that starting Node took before that is inside the margin.
 */
export interface Clock {
  /** Seconds since the process started. */
  elapsed(): number;
  /** Share of the usable budget that is gone, 0 to 1. */
  fraction(): number;
  /** Whether another step and the final save still fit. */
  allowsStep(): boolean;
  /** Notes how long a step took. */
  tookStep(seconds: number): void;
  /** Notes how long a save took. */
  tookSave(seconds: number): void;
}

/** For ending the process and for what the machine does meanwhile; seconds. */
const EXIT_MARGIN = 0.4;

/**
 * @param budgetSeconds of the whole stage
 * @param now seconds since the process started
 */
export function createClock(budgetSeconds: number, now: () => number): Clock {
  let slowestRecentStep = 0;
  let slowestSave = 0.1;
  // Twice the slowest save seen: the last one must end in time even on a disk that is busy just then.
  const reserve = () => EXIT_MARGIN + 2 * slowestSave + slowestRecentStep;
  const usable = () => Math.max(budgetSeconds - reserve(), 1e-3);
  return {
    elapsed: now,
    fraction: () => Math.min(now() / usable(), 1),
    allowsStep: () => now() < usable(),
    // Forgets a slow step slowly: one hiccup widens the margin for a while, not for good.
    tookStep: (seconds) => (slowestRecentStep = Math.max(seconds, slowestRecentStep * 0.98)),
    tookSave: (seconds) => (slowestSave = Math.max(seconds, slowestSave)),
  };
}
