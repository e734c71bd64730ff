import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { usualTimes } from '../../../evaluator/slurm/times.ts';
import { type Coordinator, coordinator, line, until } from './coordinator.ts';

const path = process.env.PATH;
let own: Coordinator;
beforeEach(async () => {
  own = await coordinator(null, { elsewhere: 400 });
});
afterEach(async () => {
  await own.executor.ended(AbortSignal.abort());
  process.env.PATH = path;
});

/** Runs attempt `number` of a job, and has Slurm say that its task failed on a node. */
async function lose(job: string, number: number, node: string): Promise<void> {
  const { slurm } = own;
  const before = slurm.accepted().length;
  const running = own.run(job, null, undefined, number);
  await until(() => slurm.accepted().length > before);
  const name = slurm.accepted().at(-1)!;
  const said = line(name, `JobState=FAILED NodeList=${node}`).replaceAll('=1 ', `=${before + 1} `);
  await slurm.says(String(before + 1), said);
  expect((await running)?.verdict).toBe('INFRA_FAULT');
}

/** Submits attempt `number` of a job and returns the nodes that it keeps off. */
async function excludedBy(
  job: string,
  number: number,
  abort = new AbortController(),
): Promise<string | undefined> {
  const before = own.slurm.submitted().length;
  const running = own.run(job, null, abort.signal, number);
  await until(() => own.slurm.submitted().length > before);
  abort.abort();
  await running;
  return /--exclude=(\S+)/.exec(own.slurm.submitted().at(-1)!)?.[1];
}

test('a new attempt keeps off the nodes that lost earlier ones of its job; those of other jobs do not', async () => {
  await own.slurm.nodes('n1 idle', 'n2 alloc', 'n3 mix');
  await lose('job', 1, 'n1');
  expect(await excludedBy('another', 1)).toBeUndefined();
  await lose('job', 2, 'n3');
  expect(own.slurm.submitted().at(-1)).toContain('--exclude=n1 ');
  expect(await excludedBy('job', 3)).toBe('n1,n3');
});

test.each([
  ['there is only one node', ['n1 idle']],
  ['the other nodes are down, drained or silent', ['n1 idle', 'n2 down', 'n3 drng', 'n4 idle*', 'n5 drain']],
])('where %s, it goes to any', async (_, nodes) => {
  await own.slurm.nodes(...nodes);
  await lose('job', 1, 'n1');
  expect(await excludedBy('job', 2)).toBeUndefined();
});

test('where no other node becomes free in time, it may start on any, also if Slurm misses that at first', async () => {
  const { slurm } = own;
  await slurm.nodes('n1 idle', 'n2 alloc');
  await lose('job', 1, 'n1');
  const abort = new AbortController();
  const running = own.run('job', null, abort.signal, 2);
  await until(() => slurm.accepted().length === 2);
  await slurm.says(
    '2',
    line(slurm.accepted()[1]!, 'JobState=PENDING NodeList=(null)').replaceAll('=1 ', '=2 '),
  );
  await slurm.missesUpdate();
  const submittedAt = Date.now();
  await until(() => slurm.updated().length > 0);
  expect(Date.now() - submittedAt).toBeGreaterThan(200);
  expect(slurm.updated()).toEqual(['update JobId=2 ExcNodeList=']);
  abort.abort();
  await running;
});

test('where Slurm refuses a job that keeps off a node, it is submitted for any', async () => {
  const { slurm } = own;
  await slurm.nodes('n1 idle', 'n2 idle');
  await lose('job', 1, 'n1');
  await slurm.refusesExclusion();
  const abort = new AbortController();
  const running = own.run('job', null, abort.signal, 2);
  await until(() => slurm.accepted().length === 2);
  expect(
    slurm
      .submitted()
      .slice(1)
      .map((words) => words.includes('--exclude')),
  ).toEqual([true, false]);
  abort.abort();
  await running;
});

test('usually it waits for another node for a minute', () => {
  expect(usualTimes.elsewhere).toBe(60_000);
});
