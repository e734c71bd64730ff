import sharp from 'sharp';
import { argmax, type Scores } from '../score/score.ts';

/** A test image that the entry misclassified. */
export interface Mistake {
  /** Row of the test set. */
  readonly index: number;
  readonly truth: number;
  readonly predicted: number;
  /** Softmax probability of the predicted class. */
  readonly confidence: number;
  /** Softmax probability of the true class. */
  readonly truthConfidence: number;
}

/**
 * Returns the mistakes with the highest confidence, most confident first, ties by image order. The class with the
 * highest score is the prediction, the lowest index on a tie.
 * @param scores [images, classes], row-major
 * @param labels uint8 [images]
 */
export function mostConfidentMistakes(
  scores: Scores,
  labels: Uint8Array,
  classes: number,
  limit: number,
): Mistake[] {
  const mistakes: Mistake[] = [];
  for (let index = 0; index < labels.length; index++) {
    const row = scores.subarray(index * classes, (index + 1) * classes);
    const truth = labels[index]!;
    const predicted = argmax(row);
    if (predicted === truth) continue;
    const highest = row[predicted]!;
    let total = 0;
    for (const score of row) total += Math.exp(score - highest);
    const probability = (label: number) => Math.exp(row[label]! - highest) / total;
    mistakes.push({
      index,
      truth,
      predicted,
      confidence: probability(predicted),
      truthConfidence: probability(truth),
    });
  }
  return mistakes
    .sort((a, b) => b.confidence - a.confidence || a.truthConfidence - b.truthConfidence || a.index - b.index)
    .slice(0, limit);
}

/** Enlargement per pixel, so that 32 px images stay crisp on any screen. */
const enlargement = 4;

/**
 * Encodes an image as a data URI of an enlarged PNG.
 * @param pixels uint8 [height, width, 3]
 */
export async function pictureUri(pixels: Uint8Array, height: number, width: number): Promise<string> {
  const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize(width * enlargement, height * enlargement, { kernel: 'nearest' })
    .png({ compressionLevel: 9 })
    .toBuffer();
  return `data:image/png;base64,${png.toString('base64')}`;
}
