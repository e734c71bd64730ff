import { type Command, InvalidArgumentError } from 'commander';
import { UserError } from '../../datasets/userError.ts';
import type { Range } from '../../evaluator/grade/canary/band.ts';
import { isAlone } from '../../evaluator/slurm/batch.ts';
import type { ExecutorOptions } from './executorOptions.ts';
import { integer } from './numberOption.ts';

export interface CanaryOptions {
  readonly canary?: string;
  /** In percent. */
  readonly canaryAccuracy?: Range;
  readonly canaryImagesPerSecond?: Range;
  readonly canaryEvery?: number;
}

export const usualCanaryEvery = 20;

/** Adds the options of the canary. */
export function addCanaryOptions(command: Command): Command {
  return command
    .option(
      '--canary <archive>',
      'entry whose results are known; it runs first on every machine, and a machine where it is out of its band gets no runs',
    )
    .option(
      '--canary-accuracy <low..high>',
      'accuracy of the canary in percent, such as 92..94 or 92..',
      range(100),
    )
    .option(
      '--canary-images-per-second <low..high>',
      'training speed of the canary: epochs of its last progress line (without one: 1) × training images / seconds of its train stage',
      range(Number.MAX_VALUE),
    )
    .option(
      '--canary-every <runs>',
      `run the canary again on a machine after this many runs there (default: ${usualCanaryEvery})`,
      integer(1, 1_000_000),
    );
}

/** Parses `LOW..HIGH`; one of them may be missing. */
function range(most: number): (text: string) => Range {
  return (text) => {
    const [low, high, ...more] = text.split('..').map(endOf);
    const isRange = low !== undefined && high !== undefined && more.length === 0;
    const isFull = isRange && (low !== null || high !== null) && (low ?? 0) <= (high ?? most);
    if (isFull && [low, high].every((end) => end === null || (end >= 0 && end <= most))) return { low, high };
    throw new InvalidArgumentError('Expected LOW..HIGH, such as 92..94; one of the two may be left away.');
  };
}

/** NaN, which is outside of every range, for what is no number. */
const endOf = (text: string): number | null => (text.trim() === '' ? null : Number(text));

/**
 * Rejects options of a canary that say nothing, or contradict others.
 * @throws UserError
 */
export function requireCanaryOptions(
  options: CanaryOptions & Pick<ExecutorOptions, 'executor' | 'slurmOption'>,
): void {
  const { canary, canaryAccuracy, canaryImagesPerSecond, canaryEvery } = options;
  if (canary === undefined) {
    const given = {
      '--canary-accuracy': canaryAccuracy,
      '--canary-images-per-second': canaryImagesPerSecond,
      '--canary-every': canaryEvery,
    };
    for (const [option, value] of Object.entries(given)) {
      if (value === undefined) continue;
      throw new UserError({ option, reason: 'needs --canary', remedy: 'Give both, or neither.' });
    }
    return;
  }
  if (canaryAccuracy === undefined && canaryImagesPerSecond === undefined) {
    throw new UserError({
      option: '--canary',
      reason: 'has no band, so nothing could be found wrong',
      remedy: 'Give --canary-accuracy LOW..HIGH, --canary-images-per-second LOW..HIGH, or both.',
    });
  }
  if (options.executor === 'slurm' && !isAlone(options.slurmOption ?? [])) {
    throw new UserError({
      option: '--canary',
      reason:
        'needs nodes that a run has for itself, but --slurm-option names resources, so runs share nodes',
      remedy: 'Leave the resources away, or add --exclusive only.',
    });
  }
}
