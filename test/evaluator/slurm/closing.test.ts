import { existsSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { issueAttempt, writeIssued } from '../../../evaluator/grade/issued.ts';
import { cancelGrading } from '../../../evaluator/slurm/cancelGrading.ts';
import { temporaryFolder } from '../fixtures.ts';
import { madeUpRecord } from '../grade/madeUpRecord.ts';
import { type Coordinator, coordinator, line, start, until } from './coordinator.ts';
import type { FakeSlurm } from './fakeSlurm.ts';

let own: Coordinator;
let slurm: FakeSlurm;
let key: string;
const path = process.env.PATH;
beforeEach(async () => {
  key = join(await temporaryFolder(), 'images-key');
  await writeFile(key, 'secret');
  own = await coordinator(key);
  ({ slurm } = own);
});
afterEach(async () => {
  await own.executor.ended(AbortSignal.abort()); // it would ask the programs of the next test
  process.env.PATH = path;
});

const never = new AbortController().signal;
const ofBatch = (name: string, file: string) => join(own.batches, name, file);
const isOver = (name: string) => existsSync(ofBatch(name, 'over'));
/** Without repetitions: what has not ended is cancelled again. */
const whatWasCancelled = () => [...new Set(slurm.cancelled())];
const neverBegun = 'JobState=RUNNING NodeList=n1 RunTime=00:02:01';
const isRunning = 'JobState=RUNNING NodeList=n1';
const ended = 'JobState=COMPLETED NodeList=n1';
const array = 'haet-array';
/** Leaves the batch of an array job, as a coordinator that was killed leaves it. @returns the folders of its attempts */
async function leftBatch(name: string, jobs: readonly string[]): Promise<string[]> {
  await mkdir(join(own.batches, name), { recursive: true });
  await writeFile(ofBatch(name, 'job-id'), '1\n');
  await writeFile(ofBatch(name, 'images-key'), 'secret');
  const folders: string[] = [];
  for (const [index, job] of jobs.entries()) {
    const folder = await issueAttempt(join(own.out, 'runs', job), start);
    await writeIssued(folder, { batch: name, index });
    await writeFile(ofBatch(name, `task-${index}.json`), JSON.stringify({ attemptFolder: folder }));
    folders.push(folder);
  }
  return folders;
}
const decide = (folder: string | undefined) => writeFile(join(folder!, 'record.json'), '{}');
/** Waits for the attempts of one array job. `said` is what Slurm says of each. */
async function watch(jobs: readonly string[], said: readonly string[], aborts: readonly AbortSignal[] = []) {
  await slurm.says('1', said.map((fields, index) => line(array, fields, index)).join('\n'));
  const folders = await leftBatch(array, jobs);
  return jobs.map((job, at) => own.run(job, folders[at], aborts[at]));
}

test('a task that Slurm still calls running after its attempt is void is cancelled until it has ended', async () => {
  const [running] = await watch(['job'], [neverBegun]);
  expect((await running)?.verdict).toBe('INFRA_FAULT');
  expect(slurm.cancelled()[0]).toBe(`--name=${array} 1_0`);
  const over = own.executor.ended(never);
  await until(() => slurm.cancelled().includes(`--name=${array}`));
  expect(isOver(array)).toBe(false);
  await slurm.says('1', line(array, 'JobState=CANCELLED NodeList=n1'));
  await over;
  expect(isOver(array)).toBe(true);
});

test('a task that has left its result is cancelled if Slurm does not end it, and not if it does', async () => {
  const [running] = await watch(['job'], [isRunning]);
  await own.leaveResult('job');
  expect((await running)?.verdict).toBe('SCORED');
  expect(slurm.cancelled()).toEqual([]);
  await until(() => slurm.cancelled().length > 0);
  expect(whatWasCancelled()).toEqual([`--name=${array}`]);
  await slurm.says('1', line(array, 'JobState=COMPLETING NodeList=n1'));
  await own.executor.ended(never);
  expect(isOver(array)).toBe(true);
});

test('a task that ends by itself after its result is not cancelled', async () => {
  const [running] = await watch(['job'], [ended]);
  await own.leaveResult('job');
  expect((await running)?.verdict).toBe('SCORED');
  await own.executor.ended(never);
  expect([slurm.cancelled(), isOver(array)]).toEqual([[], true]);
});

test('while other tasks of the array are waited for, only the one whose attempt is void is cancelled again', async () => {
  await mkdir(join(own.batches, array), { recursive: true });
  await writeFile(ofBatch(array, 'log-1.txt'), 'it started\n');
  const [lost, waited] = await watch(['lost', 'waited'], [neverBegun, neverBegun]);
  expect((await lost)?.verdict).toBe('INFRA_FAULT');
  await until(() => slurm.cancelled().length > 1);
  expect(whatWasCancelled()).toEqual([`--name=${array} 1_0`]);
  expect(existsSync(ofBatch(array, 'images-key'))).toBe(true);
  await own.leaveResult('waited');
  expect((await waited)?.verdict).toBe('SCORED');
  expect(existsSync(ofBatch(array, 'images-key'))).toBe(false);
});

test('an attempt that a person stopped watching keeps its task and its key when another of the array is decided', async () => {
  const stop = new AbortController();
  const [left, waited] = await watch(['left', 'waited'], [isRunning, ended], [stop.signal]);
  stop.abort();
  expect(await left).toBe(null);
  await own.leaveResult('waited');
  expect((await waited)?.verdict).toBe('SCORED');
  await own.executor.ended(never);
  await own.again().endLeftovers();
  await sleep(700); // twice the time after which it would be cancelled
  expect(slurm.cancelled()).toEqual([]);
  expect([existsSync(ofBatch(array, 'images-key')), isOver(array)]).toEqual([true, false]);
});

test('what a killed coordinator left of decided attempts is ended by the next call; an open attempt keeps its batch', async () => {
  await decide((await leftBatch('haet-decided', ['decided']))[0]);
  await leftBatch('haet-open', ['open']);
  await slurm.says('1', line('haet-decided'));
  await own.executor.endLeftovers();
  expect(existsSync(ofBatch('haet-decided', 'images-key'))).toBe(false);
  await until(() => slurm.cancelled().length > 0);
  await slurm.says('1', line('haet-decided', 'JobState=CANCELLED'));
  await own.executor.ended(never);
  expect(whatWasCancelled()).toEqual(['--name=haet-decided']);
  expect(['haet-decided', 'haet-open'].map(isOver)).toEqual([true, false]);
  expect(existsSync(ofBatch('haet-open', 'images-key'))).toBe(true);
});

test('in a copy of a grading’s folder, tasks that the original waits for are not cancelled', async () => {
  await leftBatch('haet-original', ['job']);
  const copy = await coordinator();
  await cp(own.out, copy.out, { recursive: true });
  await rm(join(copy.out, 'runs'), { recursive: true });
  await copy.slurm.says('1', line('haet-original'));
  await copy.executor.endLeftovers();
  await copy.executor.ended(never);
  expect(copy.slurm.cancelled()).toEqual([]);
});

test('a controller that does not answer is waited for, and the wait ends when it is stopped', async () => {
  const [running] = await watch(['job'], [isRunning]);
  await slurm.isUp(false);
  await own.leaveResult('job');
  expect((await running)?.verdict).toBe('SCORED');
  const stop = new AbortController();
  const stopped = own.executor.ended(stop.signal);
  stop.abort();
  await stopped;
  expect([slurm.cancelled(), isOver(array)]).toEqual([[], false]);
  await slurm.isUp(true);
  const next = own.again();
  await next.endLeftovers();
  const over = next.ended(never);
  await until(() => slurm.cancelled().length > 0);
  await slurm.says('1', null); // forgotten
  await over;
  expect(isOver(array)).toBe(true);
});

test('--cancel also ends tasks of attempts that are decided', async () => {
  const { machine, evaluator } = madeUpRecord();
  await decide((await leftBatch('haet-decided', ['decided']))[0]);
  await slurm.says('1', line('haet-decided'));
  const cancelling = cancelGrading(own.out, own.batches, { machine, evaluator });
  await until(() => slurm.cancelled().length > 0);
  await slurm.says('1', line('haet-decided', 'JobState=CANCELLED'));
  expect(await cancelling).toEqual({ stopped: 0, kept: 0 });
  expect(whatWasCancelled()).toEqual(['--name=haet-decided']);
  expect(isOver('haet-decided')).toBe(true);
});

test('a task that Slurm does not end is named, and left to the next call', async () => {
  const brief = await coordinator(null, { closing: 500 });
  const running = brief.run('job');
  await until(() => brief.slurm.accepted().length > 0);
  await brief.leaveResult('job');
  await running;
  await brief.executor.ended(never);
  const [name] = brief.slurm.accepted();
  expect(brief.warned).toEqual([
    `Slurm still holds 10 tasks. Tasks of job ${name} that nobody waits for may still run. The next call of the same command cancels them, as \`scancel --name=${name}\` does.`,
  ]);
  expect(existsSync(join(brief.batches, name!, 'over'))).toBe(false);
});
