import type { RunRecord } from '../../run/record.ts';
import type { JobTerms } from '../terms.ts';
import type { Band } from './band.ts';

/** The canary of a grading. */
export interface Canary {
  /** Absolute path of its archive. */
  readonly archive: string;
  /** Archive, seed and limits: those of the grading, so that its signed records agree with a commitment. */
  readonly terms: JobTerms;
  readonly band: Band;
  /** It runs again when this many runs began on a machine since. */
  readonly every: number;
  readonly outFolder: string;
  /** Scores a finished run, and signs it on a sealed Track. */
  readonly finish: (folder: string) => Promise<RunRecord>;
  readonly warn: (sentence: string) => void;
}
