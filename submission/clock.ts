/**
 * The submission's view of its budget. Like the evaluator's clock it counts from the start of the process. The margin
 * covers the part of a second that Node took to start.
 */
export interface Clock {
  /** Seconds since the process started. */
  elapsed(): number;
  /** Share of the usable budget that has passed, 0 to 1. */
  fraction(): number;
  /** Whether another step and the final save still fit. */
  allowsStep(): boolean;
  /** Notes how long a step took. */
  tookStep(seconds: number): void;
  /** Notes how long a save took. */
  tookSave(seconds: number): void;
}

/** Seconds for the process to end, and for delays by the machine. */
const EXIT_MARGIN = 0.4;

/**
 * @param budgetSeconds of the whole stage
 * @param now seconds since the process started
 */
export function createClock(budgetSeconds: number, now: () => number): Clock {
  let slowestRecentStep = 0;
  let slowestSave = 0.1;
  // Twice the slowest save so far: the last one must end in time even when the disk is busy.
  const reserve = () => EXIT_MARGIN + 2 * slowestSave + slowestRecentStep;
  const usable = () => Math.max(budgetSeconds - reserve(), 1e-3);
  return {
    elapsed: now,
    fraction: () => Math.min(now() / usable(), 1),
    allowsStep: () => now() < usable(),
    // Decays slowly: one slow step widens the margin for a while, not for the rest of the run.
    tookStep: (seconds) => (slowestRecentStep = Math.max(seconds, slowestRecentStep * 0.98)),
    tookSave: (seconds) => (slowestSave = Math.max(seconds, slowestSave)),
  };
}
