import { randomFrom, shuffle } from '../../datasets/random.ts';

/** Significance level of an accusation. */
export const significance = 0.001;

/** Fewest classes whose assignments of names (7! = 5,040) allow a probability below `significance`. */
export const fewestClasses = 7;

/** p-values are multiples of 1 / (draws + 1). */
const draws = 19_999;

/**
 * Tests an accuracy against chance, that is, predictions independent of the true classes.
 *
 * A binomial test of correct answers against 1 / classes would be wrong. An entry trained on shuffled labels does not
 * guess image by image: similar images get the same answer, so groups are right or wrong together, and honest
 * accuracies vary more than a binomial. Over 200 shuffles of 5,000 + 1,000 images of CIFAR-10 those of the nearest
 * class mean had a standard deviation of 2.3 points, but a binomial has 0.9, and 15 of them had a binomial p < 0.001;
 * with ten classes that fall into clean clusters 8.8 points, and 64 of 200 (`npm run bench:shuffled-labels`).
 *
 * Random labels carry no class names, so whatever an honest entry learned, every assignment of names to its predicted
 * classes was equally likely. Its accuracy is then one draw from the accuracies under all assignments of this
 * confusion matrix: a permutation test, exact for a balanced training set. 19,999 assignments are drawn; p = (1 + as
 * good or better) / (1 + drawn), Phipson and Smyth 2010, doi:10.2202/1544-6115.1585. In the bench none of 600 honest
 * runs had p < 0.001, and 27 (4.5 %) had p < 0.05.
 *
 * @param confusion confusion[truth][predicted] = number of images
 * @param seed of the draws, 0 to 2^32 - 1
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
