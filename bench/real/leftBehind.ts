import { readdirSync, readFileSync } from 'node:fs';
import { processesOf } from '../../evaluator/selfTest/leftovers.ts';
import { type SlurmCluster, until } from '../slurmCluster.ts';

/**
 * Waits until Slurm holds no job and no process of a task or an entry is left, up to two minutes.
 * @param seed of all runs, in the environment of their stages; nothing else on this machine has it
 * @param runIds of runs, which an entry without that environment may have as an argument
 * @returns what is left
 */
export async function leftBehind(
  cluster: SlurmCluster,
  seed: number,
  runIds: readonly string[],
): Promise<string[]> {
  const left = () => {
    const jobs = cluster.run('squeue', '--noheader');
    const tasks = cluster.processesWith('node-task').map((pid) => `process ${pid} of a task`);
    const entries = runIds.flatMap(processesOf).map(({ pid, command }) => `process ${pid}, ${command}`);
    const stages = stagesOf(seed).map((pid) => `process ${pid} of a stage`);
    return [...(jobs === '' ? [] : [`a job of Slurm: ${jobs}`]), ...tasks, ...entries, ...stages];
  };
  await until('nothing is left', () => left().length === 0).catch(() => {});
  return left().map((each) => `left behind: ${each}`);
}

function stagesOf(seed: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        return pid > 0 && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`HAET_SEED=${seed}\0`);
      } catch {
        return false; // it ended
      }
    });
}
