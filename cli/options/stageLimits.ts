import { type Command, Option } from 'commander';
import { limitsSchema } from '../../evaluator/contract.ts';
import type { Committed } from '../commitment.ts';
import { stageSeconds } from './numberOption.ts';

/** The limits of both stages, from the command line. */
export interface StageLimitOptions {
  readonly budget: number;
  readonly predictLimit: number;
}

export const defaultLimits = limitsSchema.parse({});

/** `--budget`: time limit of training. */
export function budgetOption(): Option {
  return new Option('--budget <seconds>', 'limit of the train stage')
    .argParser(stageSeconds)
    .default(defaultLimits.trainSeconds);
}

/** `--predict-limit`: time limit of predicting. */
export function predictLimitOption(): Option {
  return new Option('--predict-limit <seconds>', 'limit of the predict stage')
    .argParser(stageSeconds)
    .default(defaultLimits.predictSeconds);
}

/** Returns the limits of both stages: from the command line, else the commitment, else the defaults. */
export function stageLimits(
  options: StageLimitOptions,
  command: Command,
  committed: Committed | null,
): { trainSeconds: number; predictSeconds: number } {
  const choose = (name: keyof StageLimitOptions, term: number | undefined) =>
    command.getOptionValueSource(name) === 'default' ? (term ?? options[name]) : options[name];
  return {
    trainSeconds: choose('budget', committed?.terms.trainSeconds),
    predictSeconds: choose('predictLimit', committed?.terms.predictSeconds),
  };
}
