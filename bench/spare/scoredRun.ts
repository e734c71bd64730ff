import { spreadOf } from '../../evaluator/score/statistics.ts';

/** A finished run, scored on other images. */
export interface ScoredRun {
  /** Name of the entry, with the arguments added to its train command. */
  readonly entry: string;
  /** Limit of the train stage. */
  readonly trainSeconds: number;
  /** Fraction of 1. */
  readonly accuracy: number;
}

/** Returns mean and spread of each entry with each budget, in the order of the first run of each. */
export function groupsOf(runs: readonly ScoredRun[]) {
  const groups = new Map<string, ScoredRun[]>();
  for (const run of runs) {
    const key = JSON.stringify([run.entry, run.trainSeconds]);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()].map((group) => {
    const { entry, trainSeconds } = group[0]!;
    const accuracies = group.map(({ accuracy }) => accuracy);
    return { entry, trainSeconds, accuracies, ...spreadOf(accuracies) };
  });
}
