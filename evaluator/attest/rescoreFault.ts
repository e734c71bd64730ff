import { isDeepStrictEqual } from 'node:util';
import type { DetailedScore, Score, ScoreDetails } from '../run/record.ts';

/** Room for the sums of exponentials, which another version of the runtime may round in another way. */
const rounding = 1e-9;

/**
 * The first thing in which a score is not the one that the predictions give, as a sentence; null when none.
 * @param recorded what the record says; without details, that of a sealed Track
 * @param again what `score` makes of the predictions and the labels
 */
export function rescoreFault(recorded: Score, again: DetailedScore): string | null {
  if (recorded.total !== again.total) {
    return `the score counts ${recorded.total} images, and there are ${again.total} labels`;
  }
  for (const name of ['correct', 'accuracy'] as const) {
    if (recorded[name] !== again[name]) return says(name, recorded[name], again[name]);
  }
  if (!isDeepStrictEqual(recorded.wilson95, again.wilson95)) {
    return says('the interval', recorded.wilson95.join(' to '), again.wilson95.join(' to '));
  }
  return recorded.details === null ? null : detailsFault(recorded.details, again.details);
}

const says = (what: string, one: unknown, other: unknown) =>
  `the score says ${what} ${String(one)}, and the predictions give ${String(other)}`;

function detailsFault(recorded: ScoreDetails, again: ScoreDetails): string | null {
  for (const [label, { name, correct, total, accuracy }] of again.perClass.entries()) {
    const class_ = recorded.perClass[label];
    if (!isDeepStrictEqual(class_, { name, correct, total, accuracy })) {
      const told = class_ === undefined ? 'nothing' : `${class_.correct} of ${class_.total}`;
      return says(`class ${JSON.stringify(name)}`, told, `${correct} of ${total}`);
    }
    const [row, rowAgain] = [recorded.confusion[label] ?? [], again.confusion[label]!];
    if (!isDeepStrictEqual(row, rowAgain)) {
      return says(
        `that images of class ${JSON.stringify(name)} were taken for each class so often:`,
        row.join(', '),
        rowAgain.join(', '),
      );
    }
  }
  if (Math.abs(recorded.logLoss - again.logLoss) > rounding) {
    return says('log-loss', recorded.logLoss, again.logLoss);
  }
  const [bins, binsAgain] = [flat(recorded), flat(again)];
  const differs = bins.length !== binsAgain.length;
  if (differs || bins.some((value, at) => Math.abs(value - binsAgain[at]!) > rounding)) {
    return 'the calibration of the score is not that of the predictions';
  }
  return null;
}

const flat = ({ calibration: { expectedError, bins } }: ScoreDetails): number[] => [
  expectedError,
  ...bins.flatMap(({ confidence, accuracy, count }) => [confidence, accuracy, count]),
];
