import { mean } from 'simple-statistics';
import type { StudySpec } from './spec.ts';

/** How far a round of a study goes. */
export interface Round {
  /** Number of cells, from the first, that every arm of the round has run at its end. */
  readonly runs: number;
}

/** An arm at the end of a round, with its accuracies on the cells of all rounds so far, fractions of 1. */
export interface Standing {
  readonly name: string;
  /** In the order of the cells; null for a run that has no accuracy because the arm failed. */
  readonly accuracies: readonly (number | null)[];
}

/**
 * Returns the rounds of a study with `cells` cells: one with all of them for a grid. For halving, `firstRuns` cells,
 * then `factor` times as many in every round, the last with all.
 */
export function roundsOf(search: StudySpec['search'], cells: number): Round[] {
  if (search.kind === 'grid') return [{ runs: cells }];
  const rounds: Round[] = [];
  for (let runs = search.firstRuns; runs < cells; runs *= search.factor) rounds.push({ runs });
  return [...rounds, { runs: cells }];
}

/**
 * Returns the names of the arms that run in the next round: successive halving (Karnin, Koren, Somekh 2013, "Almost
 * optimal exploration in multi-armed bandits"; Jamieson, Talwalkar 2016, arXiv 1502.07943), where what is rationed is
 * the number of paired runs, not their length: what wins in short runs need not win in long ones.
 *
 * The rule: of k arms other than the baseline, the ceil(k / factor) with the highest mean accuracy go on; of equal
 * means, that of the earlier arm in the specification. An arm with a run without an accuracy never goes on. The
 * baseline always does, because every difference needs it.
 *
 * Its statistics: all arms of a round have run the same cells, so their means differ by the mean of paired differences,
 * and what a sample or a seed adds to every arm cancels. Let n be the number of cells and s the
 * standard deviation of a run. In the worst case the pairing removes none of it, and an arm that is better by d is
 * placed below another with probability Phi(-d sqrt(n / 2) / s), Phi being the normal distribution function: with s = 0.2 points (10,000 images) and n = 2,
 * for d = 0.3 points 7 %, with n = 8 0.13 %. The rule tests nothing, and the survivors' means are biased upwards,
 * because they were chosen by them: confirm the winner on fresh samples.
 */
export function survivors(standings: readonly Standing[], baseline: string, factor: number): string[] {
  const others = standings.filter(({ name }) => name !== baseline);
  const ranked = others
    .flatMap(({ name, accuracies }) => {
      const scored = accuracies.filter((accuracy) => accuracy !== null);
      return scored.length < accuracies.length || scored.length === 0 ? [] : [{ name, mean: mean(scored) }];
    })
    .sort((a, b) => b.mean - a.mean); // stable
  const kept = new Set(ranked.slice(0, Math.ceil(others.length / factor)).map(({ name }) => name));
  return standings.map(({ name }) => name).filter((name) => name === baseline || kept.has(name));
}
