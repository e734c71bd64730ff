import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRecord } from '../../evaluator/run/record.ts';
import { startGrade } from '../grading/startGrade.ts';
import { makeStubs } from '../grading/stubs.ts';
import type { SlurmCluster } from '../slurmCluster.ts';
import { attemptsIn, readJson } from './events.ts';

/**
 * Grades a stub whose first run does not end within Slurm's time limit of a minute.
 * @param shared folder that all nodes see
 * @returns what is not as it must be
 */
export async function endedByTimeLimit(cluster: SlurmCluster, shared: string): Promise<string[]> {
  const place = join(shared, 'time-limit');
  await mkdir(place);
  const once = `[ -e '${place}/once' ] || { : > '${place}/once'; sleep 600; }`;
  const stubs = await makeStubs(place, 1, 0.2, once);
  const out = join(place, 'out');
  const words = ['--executor', 'slurm', '--slurm-option', '--time=1', '--budget', '300'];
  const { code } = await startGrade(stubs, out, words, cluster.env).ended;
  const records = attemptsIn(out)
    .map((attempt) => readJson(join(attempt, 'record.json')) as unknown as RunRecord)
    .sort((a, b) => a.attempt - b.attempt);
  const ends = records.map(({ verdict, evidence }) => [
    verdict,
    /JobState=(\w+)/.exec(evidence[0] ?? '')?.[1],
  ]);
  const got = JSON.stringify([code, ...ends]);
  const expected = JSON.stringify([0, ['INFRA_FAULT', 'TIMEOUT'], ['SCORED', undefined]]);
  return got === expected ? [] : [`time limit of Slurm: ${got} for ${expected}`];
}
