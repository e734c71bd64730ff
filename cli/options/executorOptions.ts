import { type Command, Option } from 'commander';
import { UserError } from '../../datasets/userError.ts';
import { integer } from './numberOption.ts';

export interface ExecutorOptions {
  readonly executor: 'local' | 'slurm';
  readonly jobs: number;
  readonly gpus?: number;
  readonly slurmOption?: readonly string[];
  readonly parallel?: number;
  readonly detach?: true;
  readonly cancel?: true;
}

/** Adds the options that choose who runs the entries. */
export function addExecutorOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--executor <name>', 'who runs the entries: this machine, or a Slurm cluster')
        .choices(['local', 'slurm'])
        .default('local'),
    )
    .option('--jobs <n>', 'runs at once on this machine, each with CPUs of its own', integer(1, 1000), 1)
    .option(
      '--gpus <n>',
      'NVIDIA GPUs of each run on this machine, for itself (default: with --jobs, one each where entries are not isolated; sandboxes show none)',
      integer(0, 1000),
    )
    .option(
      '--slurm-option <words>',
      'words for sbatch, such as --partition=gpu (repeatable); with --executor slurm',
      (words: string, before: string[] = []) => [...before, ...words.split(/\s+/).filter(Boolean)],
    )
    .option(
      '--parallel <n>',
      'maximum runs at once on the cluster; with --executor slurm',
      integer(1, 100_000),
    )
    .option('--detach', 'return when everything is submitted; with --executor slurm')
    .option('--cancel', 'end the runs that Slurm holds, and start none; with --executor slurm');
}

/**
 * Rejects options of the other executor.
 * @throws UserError
 */
export function requireExecutorOptions(options: ExecutorOptions): void {
  if (options.executor === 'slurm') {
    if (options.gpus !== undefined) {
      throw new UserError({
        option: `--gpus ${options.gpus}`,
        reason: 'is for runs on this machine',
        remedy: 'With --executor slurm, ask Slurm: --slurm-option --gres=gpu:1.',
      });
    }
    if (options.jobs === 1) return;
    throw new UserError({
      option: `--jobs ${options.jobs}`,
      reason: 'is for runs on this machine',
      remedy: 'With --executor slurm, give --parallel.',
    });
  }
  const given = {
    '--slurm-option': options.slurmOption,
    '--parallel': options.parallel,
    '--detach': options.detach,
    '--cancel': options.cancel,
  };
  for (const [option, value] of Object.entries(given)) {
    if (value === undefined) continue;
    throw new UserError({ option, reason: 'needs --executor slurm', remedy: 'Give both, or neither.' });
  }
}
