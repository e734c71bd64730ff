import { UserError } from '../../datasets/userError.ts';
import type { DetailedScore } from '../run/record.ts';
import { wilsonInterval } from './statistics.ts';

/** Class scores as entries write them, float16 widened to float32. All arithmetic is in float64. */
export type Scores = Float32Array | Float64Array;

const calibrationBins = 15;
/** Lower bound for the probability of the true class. */
const leastProbability = 1e-3;
const mostLoss = -Math.log(leastProbability);

/**
 * Scores predictions against the truth.
 * @param scores [testSize, classes], row-major, finite; the highest score of a row is the predicted class,
 *   the lowest index on a tie
 * @param labels uint8 [testSize], each below the number of classes
 * @param classes names of the classes
 * @throws UserError if there is no label, or the arrays do not fit together
 *
 * Log-loss and calibration use the softmax of a row as its probabilities. Calibration: expected calibration error
 * over equal-width bins of confidence (Guo et al. 2017, arXiv 1706.04599).
 *
 * A mean of real numbers can encode labels: rows whose losses are digits at different places (12 labels per run were
 * read this way). The probability of the true class is therefore clipped at 1/1000, which limits a row's loss to
 * ln(1000) = 6.9 nats, and the mean is rounded to multiples of ln(1000) / testSize. It then has testSize + 1 possible
 * values, like the accuracy, and no row changes it by more than one step.
 */
export function score(scores: Scores, labels: Uint8Array, classes: readonly string[]): DetailedScore {
  requireFitting(scores, labels, classes);
  const width = classes.length;
  const total = labels.length;
  const confusion = classes.map(() => classes.map(() => 0));
  const bins = Array.from({ length: calibrationBins }, () => ({ confidence: 0, correct: 0, count: 0 }));
  let logLossSum = 0;

  for (let image = 0; image < total; image++) {
    const row = scores.subarray(image * width, (image + 1) * width);
    const truth = labels[image]!;
    const predicted = argmax(row);
    confusion[truth]![predicted]!++;

    const logSum = logSumExp(row, row[predicted]!);
    logLossSum += Math.min(mostLoss, logSum - row[truth]!);
    const confidence = Math.exp(row[predicted]! - logSum);
    const bin = bins[Math.min(calibrationBins - 1, Math.floor(confidence * calibrationBins))]!;
    bin.confidence += confidence;
    bin.correct += predicted === truth ? 1 : 0;
    bin.count++;
  }

  const perClass = classes.map((name, label) => {
    const ofClass = confusion[label]!.reduce((sum, count) => sum + count, 0);
    const correct = confusion[label]![label]!;
    return { name, correct, total: ofClass, accuracy: ofClass === 0 ? 0 : correct / ofClass };
  });
  const correct = perClass.reduce((sum, each) => sum + each.correct, 0);
  return {
    correct,
    total,
    accuracy: correct / total,
    wilson95: wilsonInterval(correct, total),
    details: {
      perClass,
      confusion,
      logLoss: (Math.round(logLossSum / mostLoss) * mostLoss) / total,
      calibration: {
        expectedError: bins.reduce((sum, bin) => sum + Math.abs(bin.correct - bin.confidence), 0) / total,
        bins: bins.map(({ confidence, correct: right, count }) => ({
          confidence: count === 0 ? 0 : confidence / count,
          accuracy: count === 0 ? 0 : right / count,
          count,
        })),
      },
    },
  };
}

function requireFitting(scores: Scores, labels: Uint8Array, classes: readonly string[]): void {
  if (labels.length === 0) throw new UserError('there are no labels to score predictions against');
  if (scores.length !== labels.length * classes.length) {
    throw new UserError(
      `${scores.length} scores for ${labels.length} labels and ${classes.length} classes; expected ${labels.length * classes.length}`,
    );
  }
  const unknown = labels.findIndex((label) => label >= classes.length);
  if (unknown !== -1) {
    throw new UserError(
      `label ${labels[unknown]} of image ${unknown} is not one of ${classes.length} classes`,
    );
  }
  const broken = scores.findIndex((value) => !Number.isFinite(value));
  if (broken !== -1) {
    throw new UserError(
      `the scores of image ${Math.floor(broken / classes.length)} contain ${scores[broken]}`,
    );
  }
}

/** Returns the index of the highest value, the lowest index on a tie. */
export function argmax(row: Scores): number {
  let best = 0;
  for (let index = 1; index < row.length; index++) if (row[index]! > row[best]!) best = index;
  return best;
}

/** Returns log Σ exp(row), shifted by its maximum to avoid overflow. */
function logSumExp(row: Scores, maximum: number): number {
  let sum = 0;
  for (const value of row) sum += Math.exp(value - maximum);
  return maximum + Math.log(sum);
}
