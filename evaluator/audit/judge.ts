import { inPercent } from '../report/format.ts';
import type { DetailedScore } from '../run/record.ts';
import type { Judgement } from './auditSchema.ts';
import { compareWithChance, significance } from './chance.ts';
import { comparePaired, hasFarToFall } from './pairedDrop.ts';

/** A run that was scored. */
export interface ScoredRun {
  readonly score: DetailedScore;
  /** Per test image, whether the prediction is correct, [testSize] */
  readonly right: readonly boolean[];
}

const percent = (fraction: number) => `${inPercent(fraction)} %`;
const points = (fraction: number) => `${inPercent(fraction)} points`;
const rarely = `fewer than 1 in ${(1 / significance).toLocaleString('en-GB')} such runs`;

/**
 * Judges the run on shuffled labels. Its accuracy must fall to chance; otherwise the entry did not learn from the
 * given labels but from a model, labels or answers from elsewhere.
 * @param seed of the draws of the test
 */
export function judgeShuffled(honest: ScoredRun, shuffled: ScoredRun, seed: number): Judgement {
  const { accuracy, threshold, pValue } = compareWithChance(shuffled.score.details.confusion, seed);
  const facts = { statistic: accuracy, threshold, pValue };
  const got = `trained on shuffled labels it reached ${percent(accuracy)}`;
  const bound = `an honest entry reaches ${percent(threshold)} or more in ${rarely}`;
  if (pValue < significance) {
    const sentence = `${got}, but ${bound}: it knows classes that its training labels did not contain.`;
    return { holds: false, ...facts, sentence };
  }
  const untaught = nothingLearned(honest, seed);
  if (untaught !== null) return { holds: null, ...facts, sentence: untaught };
  return { holds: true, ...facts, sentence: `${got}, which is consistent with chance: ${bound}.` };
}

/**
 * Judges the run with permuted class names. Its accuracy must stay; otherwise class names are built in: answers in a
 * fixed order, or remembered labels.
 * @param seed of the draws of the test whether the honest run is above chance
 */
export function judgePermuted(honest: ScoredRun, permuted: ScoredRun, seed: number): Judgement {
  const { drop, threshold, pValue } = comparePaired(honest.right, permuted.right);
  const facts = { statistic: drop, threshold, pValue };
  const accuracies = `${percent(permuted.score.accuracy)} with class names permuted, ${percent(honest.score.accuracy)} without`;
  if (drop >= threshold) {
    const sentence = `${accuracies}: a drop of ${points(drop)}, more than chance and training explain (${points(threshold)}): class names are built in.`;
    return { holds: false, ...facts, sentence };
  }
  const untaught = nothingLearned(honest, seed);
  if (untaught !== null) return { holds: null, ...facts, sentence: untaught };
  return {
    holds: true,
    ...facts,
    sentence: `${accuracies}: a change of ${points(-drop)}; a drop of ${points(threshold)} would count.`,
  };
}

/** Returns why the controls are inconclusive, if the honest run is too close to chance; null if it is not. */
function nothingLearned({ score }: ScoredRun, seed: number): string | null {
  const { pValue } = compareWithChance(score.details.confusion, seed);
  const chance = 1 / score.details.confusion.length;
  if (pValue < significance && hasFarToFall(score.correct, score.total, chance)) return null;
  return `the honest run reached ${percent(score.accuracy)}, too close to chance (${percent(chance)}) for a control to prove anything; give it a longer --budget or an easier Track.`;
}
