/** A finished run, scored on other images. */
export interface ScoredRun {
  /** Name of the entry. */
  readonly entry: string;
  readonly trainSeconds: number;
  /** Fraction of 1. */
  readonly accuracy: number;
}
