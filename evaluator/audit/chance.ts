import { randomFrom, shuffle } from '../../datasets/random.ts';

/** A judgement is made against the entry only where an honest one meets it less often than this. */
export const significance = 0.001;

/** Fewest classes whose namings (7! = 5,040) are enough for a chance below `significance`. */
export const fewestClasses = 7;

/** p-values are multiples of 1 / (draws + 1). */
const draws = 19_999;

/**
 * Compares an accuracy with chance: that of an entry whose predicted classes have nothing to do with the true ones.
 *
 * A binomial test of correct answers against 1 / classes would be wrong. An entry trained on shuffled labels does not
 * guess image by image: images that look alike get the same answer, so that groups of them are hit or missed as one,
 * and honest accuracies scatter more than binomially. Over 200 shuffles of 5,000 + 1,000 images of CIFAR-10 those of
 * the nearest class mean had a standard deviation of 2.3 points, where a binomial has 0.9, and 15 of them had a
 * binomial p < 0.001; with ten classes that fall into clean clusters 8.8 points, and 64 of 200
 * (`npm run bench:shuffled-labels`).
 *
 * What holds whatever an honest entry makes of the images is this: labels dealt out at random know no class by name,
 * so every naming of the classes that it predicts was as likely to come out. The accuracies under all namings of this
 * very confusion matrix are then the distribution that its accuracy is one draw of: a permutation test, exact where
 * the training set has as many images of every class. Of the namings 19,999 are drawn; p = (1 + as good or better) /
 * (1 + drawn), Phipson and Smyth 2010, doi:10.2202/1544-6115.1585. In the bench none of 600 honest runs had
 * p < 0.001, and 27 (4.5 %) had p < 0.05.
 *
 * @param confusion confusion[truth][predicted] = number of images
 * @param seed of the drawing, 0 to 2^32 - 1
 * @returns accuracies as fractions; `threshold` is the lowest accuracy whose p-value is below `significance`
 */
export function compareWithChance(
  confusion: readonly (readonly number[])[],
  seed: number,
): { accuracy: number; threshold: number; pValue: number } {
  const total = confusion.flat().reduce((sum, count) => sum + count, 0);
  const correctIf = (naming: readonly number[]) =>
    confusion.reduce((sum, row, truth) => sum + row[naming[truth]!]!, 0);

  const random = randomFrom(seed);
  const naming = confusion.map((_, label) => label);
  const correct = correctIf(naming);
  const byChance = Array.from({ length: draws }, () => correctIf(shuffle(naming, random)));
  const pValueOf = (count: number) => (1 + byChance.filter((each) => each >= count).length) / (1 + draws);
  let threshold = Math.max(...byChance) + 1;
  while (pValueOf(threshold - 1) < significance) threshold--;
  return { accuracy: correct / total, threshold: threshold / total, pValue: pValueOf(correct) };
}
