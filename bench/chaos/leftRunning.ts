import { execFileSync } from 'node:child_process';
import { type SlurmCluster, until } from '../slurmCluster.ts';

/**
 * Waits until Slurm holds no job and no process of a task or an entry is left, up to two minutes.
 * @param mark text that is in the command line of every stage
 * @returns what is left
 */
export async function leftRunning(cluster: SlurmCluster, mark: string): Promise<string[]> {
  const jobs = () => cluster.run('squeue', '--noheader');
  const tasks = () => cluster.processesWith('node-task').map((pid) => `process ${pid} of a task`);
  await until('nothing is left', () => [jobs(), ...tasks(), ...stagesOf(mark)].join('') === '').catch(
    () => {},
  );
  const left = [...(jobs() === '' ? [] : [`Slurm holds ${jobs()}`]), ...tasks(), ...stagesOf(mark)];
  return left.map((each) => `left running: ${each}`);
}

function stagesOf(mark: string): string[] {
  const all = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return all.filter((line) => line.includes(`sleep ${mark}`));
}
