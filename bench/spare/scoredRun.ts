/** A finished run, scored on other images. */
export interface ScoredRun {
  /** Name of the entry, with the arguments added to its train command. */
  readonly entry: string;
  /** Limit of the train stage. */
  readonly trainSeconds: number;
  /** Fraction of 1. */
  readonly accuracy: number;
}
