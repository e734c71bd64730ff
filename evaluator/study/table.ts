import { mean } from 'simple-statistics';
import { isRunDisturbed, usualMostDisturbance } from '../machine/contention.ts';
import { type Spread, spreadOf } from '../score/statistics.ts';
import type { Outcome } from './outcome.ts';
import { pairedDifference } from './paired.ts';
import { accuraciesOf, type StudyResult } from './runStudy.ts';

/** Result of an arm. Accuracies are fractions of 1. */
export interface ArmRow {
  readonly arm: string;
  readonly words: readonly string[];
  readonly isBaseline: boolean;
  /** Over the runs that have an accuracy; null if none has. */
  readonly accuracy: Spread | null;
  /** Paired with the baseline; null for the baseline, and without a pair. */
  readonly difference: Spread | null;
  /** Mean of the train stage over the runs with an accuracy; null if there is none. */
  readonly trainSeconds: number | null;
  /** Runs that are not plainly SCORED, by verdict, whether they have an accuracy or not. */
  readonly faults: Readonly<Record<string, number>>;
  /** Runs during which other work used more than a few per cent of the CPUs. */
  readonly disturbed: number;
  /** Number of runs after which the search stopped it; null if it did not. */
  readonly stoppedAfter: number | null;
  /** Number of runs that the search asks for. */
  readonly wanted: number;
}

/** Computes the table of a study: a row per arm, in the order of the specification. */
export function tableOf({ spec, cells, outcomes, stoppedAfter }: StudyResult): ArmRow[] {
  const baseline = accuraciesOf(outcomes, spec.baseline, cells);
  return spec.arms.map(({ name, words }) => {
    const own = outcomes.filter(({ arm }) => arm === name);
    const scored = own.filter(hasAccuracy);
    const isBaseline = name === spec.baseline;
    const stopped = stoppedAfter.get(name) ?? null;
    return {
      arm: name,
      words,
      isBaseline,
      accuracy: scored.length === 0 ? null : spreadOf(scored.map(({ accuracy }) => accuracy)),
      difference: isBaseline ? null : pairedDifference(accuraciesOf(outcomes, name, cells), baseline),
      trainSeconds:
        scored.length === 0 ? null : mean(scored.map(({ record }) => record.stages[0]?.seconds ?? 0)),
      faults: countFaults(own),
      disturbed: own.filter(({ record }) => isRunDisturbed(record, usualMostDisturbance)).length,
      stoppedAfter: stopped,
      wanted: stopped ?? cells.length,
    };
  });
}

function hasAccuracy(outcome: Outcome): outcome is Outcome & { readonly accuracy: number } {
  return outcome.accuracy !== null;
}

function countFaults(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { record } of outcomes) {
    if (record.verdict !== 'SCORED') counts[record.verdict] = (counts[record.verdict] ?? 0) + 1;
  }
  return counts;
}

/** Returns sentences about what limits the conclusions of a study, for below the table. */
export function doubtsOf(result: StudyResult, rows: readonly ArmRow[]): string[] {
  const { spec, outcomes, isComplete } = result;
  const doubts: string[] = [];
  if (!isComplete) doubts.push('The study is not complete: run the same command again to continue it.');
  const faults = rows.flatMap(({ faults }) => Object.values(faults)).reduce((sum, count) => sum + count, 0);
  if (faults > 0) {
    doubts.push(
      `${faults} runs are not plainly SCORED. Runs without an accuracy are left out of every mean, not counted as 0; runs.csv names their folders.`,
    );
  }
  const disturbed = rows.reduce((sum, each) => sum + each.disturbed, 0);
  if (spec.budget.kind === 'seconds' && disturbed > 0) {
    doubts.push(
      `Other work used more than ${100 * usualMostDisturbance} % of the CPUs during ${disturbed} runs. With a budget in seconds this lowers their accuracy.`,
    );
  }
  const machines = [...new Set(outcomes.map(({ record }) => record.machine.cpu))];
  if (spec.budget.kind === 'seconds' && machines.length > 1) {
    doubts.push(`The runs were made on different CPUs (${machines.join('; ')}): compare only within one.`);
  }
  if (spec.search.kind === 'halving') {
    doubts.push(
      'Halving chose the arms that went on by these accuracies, so those of the last ones are too high on average: confirm the winner on fresh samples.',
    );
  }
  const differences = spec.arms.length - 1;
  if (differences > 1) {
    doubts.push(
      `Each interval holds with 95 % on its own. If all ${differences} differences were zero, the chance that some interval excludes zero would be up to ${(100 * (1 - 0.95 ** differences)).toFixed(0)} %.`,
    );
  }
  return doubts;
}
