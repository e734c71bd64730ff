import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import type { Disturbance } from '../../../bench/real/disturb.ts';
import { outcomeOf } from '../../../bench/real/outcome.ts';
import type { Standing } from '../../../evaluator/grade/standing.ts';
import type { RunRecord } from '../../../evaluator/run/record.ts';
import type { VerdictCode } from '../../../evaluator/run/verdict.ts';
import { temporaryFolder } from '../../evaluator/fixtures.ts';
import { hash, madeUpRecord } from '../../evaluator/grade/madeUpRecord.ts';

const killed = { name: 'killed', archive: '', sha256: hash('a'), expected: ['SCORED' as const] };
const drained = { name: 'drained', archive: '', sha256: hash('b'), expected: ['CRASHED' as const] };
const at = Date.parse('2026-11-21T10:41:30.000Z');
const disturbance: Disturbance = {
  lost: { node: 'n1', sha256: killed.sha256, at },
  drained: { node: 'n2', sha256: drained.sha256, at },
};
const [before, after] = ['2026-11-21T10:41:23.000Z', '2026-11-21T10:41:40.000Z'];

let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(await temporaryFolder(), 'out-'));
});

async function put(sha256: string, attempt: number, node: string, change: Partial<RunRecord> = {}) {
  const { verdict = 'SCORED' } = change;
  const folder = join(out, 'runs', sha256.slice(0, 4), `attempt-${attempt}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'issued.json'), '{}');
  const made = madeUpRecord({
    archiveSha256: sha256,
    attempt,
    verdict,
    evidence: [`ran on node ${node}, Slurm`],
  });
  await writeFile(join(folder, 'record.json'), JSON.stringify({ ...made, startedAt: before, ...change }));
}
const nodeFail = {
  verdict: 'INFRA_FAULT',
  owner: 'infrastructure',
  evidence: ['the attempt left no result; Slurm says: job 1_0 on n1: JobState=NODE_FAIL Reason=NodeDown'],
} as const;

function standing(verdicts: Record<string, VerdictCode>): Standing {
  const rows = Object.entries(verdicts).map(([sha256, verdict]) => ({ sha256, verdict }));
  return { rows } as unknown as Standing;
}
const right = standing({ [killed.sha256]: 'SCORED', [drained.sha256]: 'CRASHED' });
const outcome = (local = right, slurm = right) =>
  outcomeOf({ entries: [killed, drained], local, slurm, out }, disturbance);

test('nothing is wrong if the killed run is made again elsewhere and the run on the drained node ends there', async () => {
  await put(killed.sha256, 1, 'n1', { ...nodeFail, evidence: [...nodeFail.evidence] });
  await put(killed.sha256, 2, 'n3', { startedAt: after });
  await put(drained.sha256, 1, 'n2', { verdict: 'CRASHED' });
  expect(outcome()).toEqual({
    faults: [],
    rows: [
      {
        ...{ name: 'killed', expected: ['SCORED'], local: 'SCORED', slurm: ['SCORED'] },
        attempts: ['n1 (NODE_FAIL)', 'n3'],
      },
      { name: 'drained', expected: ['CRASHED'], local: 'CRASHED', slurm: ['CRASHED'], attempts: ['n2'] },
    ],
  });
});

test('no result, two results, another verdict, and runs on the disturbed nodes are found', async () => {
  await put(killed.sha256, 1, 'n1');
  await put(killed.sha256, 2, 'n2', { startedAt: after });
  const local = standing({ [killed.sha256]: 'NO_OUTPUT', [drained.sha256]: 'CRASHED' });
  expect(outcome(local).faults).toEqual([
    'killed has 2 accepted results',
    'killed was running on the killed node n1, but its attempt is not void by NODE_FAIL',
    'killed began on the drained node n2',
    'drained has 0 accepted results',
    'killed ended in NO_OUTPUT on this machine',
    'killed ended in SCORED, SCORED on the cluster, and in NO_OUTPUT on this machine',
  ]);
});

test('an attempt that was not issued or not decided, a result of another entry and another leaderboard are found', async () => {
  await put(killed.sha256, 1, 'n1', { ...nodeFail, evidence: [...nodeFail.evidence] });
  await put(killed.sha256, 2, 'n3', { startedAt: after });
  await put(drained.sha256, 1, 'n2', { verdict: 'CRASHED' });
  await put(hash('c'), 1, 'n3');
  const bare = join(out, 'runs/zzzz/attempt-1');
  await mkdir(bare, { recursive: true });
  const board = standing({ [killed.sha256]: 'NO_OUTPUT', [drained.sha256]: 'CRASHED' });
  expect(outcome(right, board).faults).toEqual([
    `${bare} was not issued`,
    `${bare} was not decided`,
    'killed: the leaderboard shows NO_OUTPUT, the result is SCORED',
    expect.stringContaining('was not asked for'),
  ]);
});
