import { isDeepStrictEqual } from 'node:util';
import type { DetailedScore, RunRecord, Score, ScoreDetails } from '../../run/record.ts';
import { wilsonInterval } from '../../score/statistics.ts';

/**
 * Tolerance for sums in a different order, and for exponentials that another runtime version may round differently.
 * It is far below the effect of one image.
 */
const rounding = 1e-9;
const same = (a: number, b: number) => Math.abs(a - b) <= rounding;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Returns the first inconsistency of a score, as a sentence; null if there is none. */
export function scoreFault({ score, track }: Pick<RunRecord, 'score' | 'track'>): string | null {
  if (score === null) return null;
  const { details } = score;
  return (
    countFault(score, track) ??
    (details === null ? null : (classFault(score, details) ?? calibrationFault(score, details)))
  );
}

/** Returns the inconsistency of the interval of a score, as a sentence; null if there is none. */
export function intervalFault({ score }: Pick<RunRecord, 'score'>): string | null {
  if (score === null) return null;
  const { correct, total, wilson95 } = score;
  const expected = wilsonInterval(correct, total);
  if (wilson95.every((end, index) => same(end, expected[index]!))) return null;
  return `the interval is ${wilson95.join(' to ')}, but ${correct} of ${total} correct give ${expected.join(' to ')}`;
}

function countFault({ correct, total, accuracy, details }: Score, track: RunRecord['track']): string | null {
  if (track === null) return 'there is a score, but no Track';
  if (total !== track.testSize) return `${total} images were scored, but the Track has ${track.testSize}`;
  if (correct > total) return `${correct} of ${total} are correct`;
  if (!same(accuracy, correct / total)) {
    return `the accuracy is ${accuracy}, but ${correct} of ${total} correct are ${correct / total}`;
  }
  const names = details?.perClass.map((each) => each.name);
  if (names !== undefined && names.join('\0') !== track.classes.join('\0'))
    return 'the classes of the score are not the Track’s';
  return null;
}

function classFault({ correct, total }: Score, { perClass, confusion }: ScoreDetails): string | null {
  const rights = sum(perClass.map((each) => each.correct));
  if (rights !== correct) return `the classes have ${rights} correct in total, but the score says ${correct}`;
  const images = sum(perClass.map((each) => each.total));
  if (images !== total) return `the classes have ${images} images in total, but the score says ${total}`;
  const square =
    confusion.length === perClass.length && confusion.every((row) => row.length === perClass.length);
  if (!square || confusion.flat().some((count) => count < 0)) {
    return `the confusion matrix is not ${perClass.length} by ${perClass.length} counts`;
  }
  for (const [index, each] of perClass.entries()) {
    const name = JSON.stringify(each.name);
    if (!same(each.accuracy, each.total === 0 ? 0 : each.correct / each.total)) {
      return `class ${name} has an accuracy of ${each.accuracy}, but ${each.correct} of ${each.total} correct`;
    }
    const row = confusion[index]!;
    if (row[index] !== each.correct) {
      return `class ${name} has ${each.correct} correct, but the diagonal of the confusion matrix says ${row[index]}`;
    }
    if (sum(row) !== each.total) {
      return `class ${name} has ${each.total} images, but its row of the confusion matrix has ${sum(row)}`;
    }
  }
  return null;
}

function calibrationFault({ correct, total }: Score, { calibration }: ScoreDetails): string | null {
  const { bins, expectedError } = calibration;
  const images = sum(bins.map((bin) => bin.count));
  if (images !== total) return `the calibration counts ${images} images, but the score says ${total}`;
  const rights = sum(bins.map((bin) => bin.accuracy * bin.count));
  if (Math.abs(rights - correct) > 1e-6) {
    return `the calibration counts ${rights} correct, but the score says ${correct}`;
  }
  const error = sum(bins.map((bin) => bin.count * Math.abs(bin.accuracy - bin.confidence))) / total;
  if (same(error, expectedError)) return null;
  return `the calibration error is ${expectedError}, but its bins give ${error}`;
}

/**
 * Returns the first difference between a score and the one computed from the predictions, as a sentence; null if
 * there is none.
 * @param recorded score of the record; without details on a sealed Track
 * @param again score computed from the predictions and the labels
 */
export function rescoreFault(recorded: Score, again: DetailedScore): string | null {
  if (recorded.total !== again.total) {
    return `the score counts ${recorded.total} images, but there are ${again.total} labels`;
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
  `the score says ${what} ${String(one)}, but the predictions give ${String(other)}`;

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
        `the confusion matrix row of class ${JSON.stringify(name)}:`,
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
    return 'the calibration of the score differs from that of the predictions';
  }
  return null;
}

const flat = ({ calibration: { expectedError, bins } }: ScoreDetails): number[] => [
  expectedError,
  ...bins.flatMap(({ confidence, accuracy, count }) => [confidence, accuracy, count]),
];
