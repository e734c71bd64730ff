import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { issueAttempt, readIssued, writeIssued } from '../../../evaluator/grade/issued.ts';
import type { RunRecord } from '../../../evaluator/run/record.ts';
import { type Coordinator, coordinator, line, start, until } from './coordinator.ts';
import type { FakeSlurm } from './fakeSlurm.ts';

let slurm: FakeSlurm;
let batches: string;
let job: string;
let warned: string[];
let own: Coordinator;
const path = process.env.PATH;
beforeEach(async () => {
  own = await coordinator();
  ({ slurm, batches, warned } = own);
  job = join(own.out, 'runs/job');
});
afterEach(async () => {
  await own.executor.ended(AbortSignal.abort()); // it would ask the programs of the next test
  process.env.PATH = path;
});

/** Runs attempt 1 of the job. */
const run = (open: string | null = null) => own.run('job', open);
const attempt = () => own.attempt('job');
const finished = async (running: Promise<RunRecord | null>) => {
  await own.leaveResult('job');
  return (await running)?.verdict;
};

test('a controller that does not answer when an array is submitted is waited for', async () => {
  await slurm.isUp(false);
  const running = run();
  await until(() => warned.length > 0);
  expect(warned).toEqual([
    expect.stringMatching(/^Slurm does not answer \(.*Unable to contact slurm controller.*\)\. Waiting\.$/),
  ]);
  await slurm.isUp(true);
  await until(() => slurm.accepted().length > 0);
  expect((await readIssued(attempt())).batch).toBe(slurm.accepted()[0]);
  expect(await finished(running)).toBe('SCORED');
  expect(slurm.accepted()).toHaveLength(1);
});

test('an array whose id was lost with the answer is found by its name, and not submitted again', async () => {
  await slurm.submitting('loses-its-answer');
  const running = run();
  await until(() => slurm.accepted().length > 0);
  const [name] = slurm.accepted();
  await slurm.says('1', line(name!));
  await until(() => existsSync(join(batches, name!, 'job-id')));
  expect(readFileSync(join(batches, name!, 'job-id'), 'utf8')).toBe('1\n');
  expect(await finished(running)).toBe('SCORED');
  expect(slurm.accepted()).toEqual([name]);
});

test('while the controller does not answer, what a killed coordinator submitted is not submitted again', async () => {
  const folder = await issueAttempt(job, start);
  await writeIssued(folder, { batch: 'haet-earlier', index: 0 });
  await mkdir(join(batches, 'haet-earlier'), { recursive: true });
  await slurm.isUp(false);
  const running = run(folder);
  await until(() => warned.length > 0);
  expect(await readIssued(folder)).toMatchObject({ batch: 'haet-earlier' });
  expect(await finished(running)).toBe('SCORED');
  await slurm.isUp(true);
  expect(slurm.accepted()).toEqual([]);
});

test('what was never submitted is submitted now; an sbatch that is still on its way is cancelled by name', async () => {
  const folder = await issueAttempt(job, start);
  await writeIssued(folder, { batch: 'haet-earlier', index: 0 });
  await mkdir(join(batches, 'haet-earlier'), { recursive: true });
  const running = run(folder);
  await until(() => slurm.accepted().length > 0);
  expect(slurm.cancelled()).toEqual(['--name=haet-earlier']);
  expect((await readIssued(folder)).batch).toBe(slurm.accepted()[0]);
  expect(await finished(running)).toBe('SCORED');
});

test('a task that has started, of a job that is not known any more, is not run again under the same number', async () => {
  const folder = await issueAttempt(job, start);
  await writeIssued(folder, { batch: 'haet-earlier', index: 0 });
  await mkdir(join(batches, 'haet-earlier'), { recursive: true });
  await writeFile(join(batches, 'haet-earlier/log-0.txt'), 'it started\n');
  const ended = await run(folder);
  expect(ended?.verdict).toBe('INFRA_FAULT');
  expect(ended?.evidence).toEqual([
    'the attempt left no result; Slurm says: the job is not known, and its id never came back',
    'the last line of its log: it started',
  ]);
  expect(slurm.accepted()).toEqual([]);
});

test('a job that has the id by now, after a crash of the controller, is not taken for the attempt’s', async () => {
  const running = run();
  await until(() => slurm.accepted().length > 0);
  await slurm.says('1', line('another'));
  const ended = await running;
  expect(ended?.verdict).toBe('INFRA_FAULT');
  expect(ended?.evidence[0]).toContain('job 1_0 is not known any more');
  expect(slurm.cancelled()).toEqual([`--name=${slurm.accepted()[0]} 1_0`]);
});

test('a task that Slurm calls running, but that has not begun after two minutes, is cancelled and void', async () => {
  const running = run();
  await until(() => slurm.accepted().length > 0);
  const [name] = slurm.accepted();
  await slurm.says('1', line(name!, 'JobState=RUNNING NodeList=n1 RunTime=00:02:01'));
  const ended = await running;
  expect(ended?.verdict).toBe('INFRA_FAULT');
  expect(ended?.evidence[0]).toContain('it did not start within 120 s: job 1_0 on n1: JobState=RUNNING');
  expect(slurm.cancelled()).toEqual([`--name=${name} 1_0`]);
});

test('a task that has begun is waited for, however long it runs', async () => {
  const running = run();
  await until(() => slurm.accepted().length > 0);
  const [name] = slurm.accepted();
  await writeFile(join(batches, name!, 'log-0.txt'), 'it started\n');
  await slurm.says('1', line(name!, 'JobState=RUNNING NodeList=n1 RunTime=1-00:02:01'));
  await sleep(300);
  expect(await finished(running)).toBe('SCORED');
});

test('a refusal ends the call with Slurm’s words, and the attempt is still there for the next', async () => {
  await slurm.submitting('is-refused');
  await expect(run()).rejects.toThrow('Slurm refused the job: error: invalid partition specified: lost');
  expect(await readIssued(attempt())).toMatchObject({ batch: null });
});
