import { inPercent } from '../report/format.ts';
import type { DetailedScore } from '../run/record.ts';
import type { Judgement } from './auditSchema.ts';
import { compareWithChance, significance } from './chance.ts';
import { comparePaired, hasFarToFall } from './pairedDrop.ts';

/** A run that was scored. */
export interface ScoredRun {
  readonly score: DetailedScore;
  /** Which test images it has right, [testSize] */
  readonly right: readonly boolean[];
}

const percent = (fraction: number) => `${inPercent(fraction)} %`;
const points = (fraction: number) => `${inPercent(fraction)} points`;
const rarely = `fewer than 1 in ${(1 / significance).toLocaleString('en-GB')} such runs`;

/**
 * Trained on shuffled labels, an entry must fall to chance. What it still knows it did not learn from the labels it
 * was given: a trained model, remembered labels, or answers, that came with it or from somewhere.
 * @param seed of the draws of the test
 */
export function judgeShuffled(honest: ScoredRun, shuffled: ScoredRun, seed: number): Judgement {
  const { accuracy, threshold, pValue } = compareWithChance(shuffled.score.details.confusion, seed);
  const facts = { statistic: accuracy, threshold, pValue };
  const got = `trained on shuffled labels it got ${percent(accuracy)}`;
  const bound = `an honest entry gets ${percent(threshold)} or more in ${rarely}`;
  if (pValue < significance) {
    const sentence = `${got}, where ${bound}: it knows classes that its training labels did not teach it.`;
    return { holds: false, ...facts, sentence };
  }
  const untaught = nothingLearned(honest, seed);
  if (untaught !== null) return { holds: null, ...facts, sentence: untaught };
  return { holds: true, ...facts, sentence: `${got}, as chance may have it: ${bound}.` };
}

/**
 * Trained and tested under other class names, an entry must do as well as before. One that does not has the names of
 * the classes built in: answers in a fixed order, or labels that it remembers.
 * @param seed of the draws of the test whether there is anything to lose
 */
export function judgePermuted(honest: ScoredRun, permuted: ScoredRun, seed: number): Judgement {
  const { drop, threshold, pValue } = comparePaired(honest.right, permuted.right);
  const facts = { statistic: drop, threshold, pValue };
  const accuracies = `${percent(permuted.score.accuracy)} with class names permuted, ${percent(honest.score.accuracy)} without`;
  if (drop >= threshold) {
    const sentence = `${accuracies}: a drop of ${points(drop)}, where chance and training explain less than ${points(threshold)}; it has the classes built in.`;
    return { holds: false, ...facts, sentence };
  }
  const untaught = nothingLearned(honest, seed);
  if (untaught !== null) return { holds: null, ...facts, sentence: untaught };
  return {
    holds: true,
    ...facts,
    sentence: `${accuracies}: a change of ${points(-drop)}, where a drop of ${points(threshold)} would count.`,
  };
}

/** A control says something only of an entry that has something to lose; null where this one has. */
function nothingLearned({ score }: ScoredRun, seed: number): string | null {
  const { pValue } = compareWithChance(score.details.confusion, seed);
  const chance = 1 / score.details.confusion.length;
  if (pValue < significance && hasFarToFall(score.correct, score.total, chance)) return null;
  return `the honest run got ${percent(score.accuracy)}, too close to chance (${percent(chance)}) for a control to show anything; give it a longer --budget or an easier Track.`;
}
