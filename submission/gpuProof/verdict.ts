/** The result of `proveGpu`. */
export interface Verdict {
  /** Why the GPU cannot be used; null if it computed what the CPU computes. */
  readonly failure: Failure | null;
  /** TensorFlow's version; null if it did not load. */
  readonly version: string | null;
  /** Number of results that were compared. */
  readonly compared: number;
  /** The largest difference between GPU and CPU, see compare.ts; null if nothing was compared. */
  readonly largest: Difference | null;
}

export interface Failure {
  /** A clause without a full stop: what was seen, with the line that the program printed. */
  readonly why: string;
  /** An imperative clause without a full stop. */
  readonly remedy: string;
}

export interface Difference {
  readonly result: string;
  readonly difference: number;
}
