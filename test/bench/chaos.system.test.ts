import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runChaos } from '../../bench/chaos/chaos.ts';
import { preemption } from '../../bench/chaos/victims.ts';
import { startGrade } from '../../bench/grading/startGrade.ts';
import { makeStubs, type Stubs } from '../../bench/grading/stubs.ts';
import { temporaryFolder } from '../evaluator/fixtures.ts';
import { describeWithSlurm, type SlurmCluster, startCluster } from '../slurmCluster.ts';

describeWithSlurm('while parts of a cluster are killed', () => {
  const nodes = ['n1', 'n2', 'n3'];
  let cluster: SlurmCluster;
  let shared: string;
  let stubs: Stubs;
  let reference: string;
  beforeAll(async () => {
    shared = await temporaryFolder();
    stubs = await makeStubs(shared, 2, 0.2);
    reference = join(shared, 'undisturbed');
    const undisturbed = startGrade(stubs, reference, ['--seeds', '2']).ended;
    cluster = await startCluster(nodes, {}, preemption(nodes));
    expect((await undisturbed).code).toBe(0);
  }, 240_000);
  afterAll(() => cluster?.stop(), 120_000);

  test('every job gets exactly one result, equal to that of an undisturbed local run, and nothing is left running', async () => {
    const { outcome, calls, sbatch } = await runChaos({
      ...{ cluster, nodes, stubs, seeds: 2, reference, place: join(shared, 'chaos'), seed: 1 },
      ...{ everyMs: 1200, attacks: 5, restMs: 200, victims: ['task', 'slurmd', 'slurmctld'] },
      atStates: ['coordinator'],
      startSeconds: 15,
      sbatchFaults: ['coordinator dies before sbatch', "sbatch's answer is lost"],
      tell: () => {},
    });
    expect(outcome.faults).toEqual([]);
    expect(outcome.ends.get('SCORED')).toBe(4);
    expect(calls).toBeGreaterThan(2);
    expect(sbatch).toHaveLength(2);
  }, 600_000);
});
