import { dirname } from 'node:path';
import type { Command } from 'commander';
import { leaveOutOfArray, runNodeTask, type TaskEnd } from '../../evaluator/slurm/nodeTask.ts';
import { leftOut } from '../../evaluator/slurm/task.ts';
import { tell } from '../terminal.ts';
import { lockForTiming } from '../timedRun.ts';

const statuses: Record<TaskEnd, number> = {
  'left-a-result': 0,
  'not-wanted': 0,
  stopped: 1,
  unfit: leftOut.unfit,
};

/** `haet node-task`: runs one attempt on a node of a cluster. `--executor slurm` of `haet grade` and `haet study` calls it. */
export function nodeTaskCommand(command: Command): void {
  command.argument('<file>', 'task file in the folder of a grading or a study').action(run);
}

async function run(file: string): Promise<void> {
  const abort = new AbortController();
  // Slurm ends a task by SIGTERM, and kills it some seconds later.
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, () => abort.abort());
  const { SLURMD_NODENAME, SLURM_ARRAY_JOB_ID, SLURM_ARRAY_TASK_ID } = process.env;
  const node = {
    name: SLURMD_NODENAME ?? 'unknown',
    job: `${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}`,
    lock: () => lockForTiming(tell),
    tell,
  };
  const end = await runNodeTask(file, node, abort.signal);
  if (end === 'unfit' && SLURM_ARRAY_JOB_ID !== undefined) {
    await leaveOutOfArray(SLURM_ARRAY_JOB_ID, dirname(file));
  }
  process.exitCode = statuses[end];
}
