import { z } from 'zod';
import { inPercent } from '../../report/format.ts';
import type { RunRecord } from '../../run/record.ts';
import { verdicts } from '../../run/verdict.ts';

/** A range of values with its ends; null: no limit on that side. */
export const rangeSchema = z.strictObject({ low: z.number().nullable(), high: z.number().nullable() });
export type Range = z.infer<typeof rangeSchema>;

/** What is known of a canary: what it reaches on a machine that works as it should. */
export const bandSchema = z.strictObject({
  accuracy: rangeSchema.nullable().describe('fractions of 1; null: any'),
  imagesPerSecond: rangeSchema.nullable().describe('see imagesPerSecondOf; null: any'),
});
export type Band = z.infer<typeof bandSchema>;

type Judged = Pick<RunRecord, 'verdict' | 'score' | 'stages' | 'progress' | 'track'>;

/**
 * Returns the training images per second of a run, by the clock of the evaluator: the epochs that its last progress
 * line says × training images / seconds of the train stage. An entry without progress lines counts as one epoch. Null if
 * it did not train.
 */
export function imagesPerSecondOf({
  stages,
  progress,
  track,
}: Omit<Judged, 'verdict' | 'score'>): number | null {
  const seconds = stages.find(({ stage }) => stage === 'train')?.seconds ?? 0;
  if (seconds === 0 || track === null) return null;
  return ((progress.last?.epoch || 1) * track.trainSize) / seconds;
}

/**
 * Returns why a machine is not to be trusted after a run of the canary, as a clause; null if the run is in its band.
 * The accuracy is ignored while the run is not scored. The clause is published.
 */
export function whyOut(record: Judged, { accuracy, imagesPerSecond }: Band): string | null {
  const { verdict, score } = record;
  if (verdicts[verdict].exitCode !== 0) return `its canary ended in ${verdict}`;
  const speed = imagesPerSecondOf(record);
  if (imagesPerSecond !== null && speed !== null && isOutside(speed, imagesPerSecond)) {
    return `its canary trained on ${perSecond(speed)} images per second, expected ${words(imagesPerSecond, perSecond)}`;
  }
  if (accuracy !== null && score !== null && isOutside(score.accuracy, accuracy)) {
    return `its canary scored ${percent(score.accuracy)}, expected ${words(accuracy, percent)}`;
  }
  return null;
}

const isOutside = (value: number, { low, high }: Range): boolean =>
  value < (low ?? Number.NEGATIVE_INFINITY) || value > (high ?? Number.POSITIVE_INFINITY);

/** Four significant digits tell a value from a limit that it misses by a thousandth. */
const perSecond = (value: number): string => String(Number(value.toPrecision(4)));
const percent = (fraction: number): string => `${inPercent(fraction, 2)} %`;

function words({ low, high }: Range, format: (value: number) => string): string {
  if (low === null) return `at most ${format(high!)}`;
  return high === null ? `at least ${format(low)}` : `${format(low)} to ${format(high)}`;
}
