import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { RunRecord } from '../../../evaluator/run/record.ts';
import type { RunStart } from '../../../evaluator/run/runFolder.ts';
import { writeUnscored } from '../../../evaluator/run/unscored.ts';
import { createSlurmExecutor, type SlurmExecutor } from '../../../evaluator/slurm/slurmExecutor.ts';
import { type Times, usualTimes } from '../../../evaluator/slurm/times.ts';
import { temporaryFolder } from '../fixtures.ts';
import { madeUpRecord } from '../grade/madeUpRecord.ts';
import { type FakeSlurm, fakeSlurm } from './fakeSlurm.ts';

const record = madeUpRecord();
const { trainSeconds, predictSeconds, processes } = record.limits;

/** What an attempt of the made-up archive is issued with. */
export const start: RunStart = {
  attempt: 1,
  archiveSha256: record.archiveSha256!,
  track: record.track!,
  seed: record.seed,
  sandbox: { kind: record.sandbox.kind },
  limits: record.limits,
};

/** A call of a grading, with programs of Slurm whose answers a test chooses. */
export interface Coordinator {
  readonly slurm: FakeSlurm;
  readonly executor: SlurmExecutor;
  readonly out: string;
  /** Folder of the batches. */
  readonly batches: string;
  readonly warned: string[];
  /** Another call in the same folder. */
  again(): SlurmExecutor;
  /**
   * Runs attempt 1 of a job, or another one.
   * @param open its folder, if an earlier call issued it
   */
  run(job: string, open?: string | null, abort?: AbortSignal, attempt?: number): Promise<RunRecord | null>;
  attempt(job: string): string;
  /** Leaves the result that the task of attempt 1 of a job would leave. */
  leaveResult(job: string): Promise<void>;
}

export async function coordinator(
  imagesKey: string | null = null,
  change: Partial<Times> = {},
): Promise<Coordinator> {
  const slurm = await fakeSlurm();
  const out = await temporaryFolder();
  const batches = join(out, 'slurm');
  const warned: string[] = [];
  const again = () =>
    createSlurmExecutor(
      {
        folder: batches,
        options: { words: [], parallel: null },
        sandbox: { kind: record.sandbox.kind, image: 'image', runtime: null },
        imagesKey,
        ...{ cpus: null, memoryBytes: null, quietSeconds: 0, detach: false },
        times: {
          ...usualTimes,
          ...{
            leastPause: 20,
            mostPause: 20,
            gather: 100,
            resultOfFailed: 200,
            endByItself: 300,
            cancelAgain: 300,
            ...change,
          },
        },
        expected: { ...record.evaluator, tensorflow: null, image: null, signed: false, hidden: [] },
        evaluator: record.evaluator,
      },
      { warn: (sentence) => warned.push(sentence), view: () => {} },
    );
  const executor = again();
  const attempt = (job: string) => join(out, 'runs', job, 'attempt-1');
  return {
    ...{ slurm, executor, out, batches, warned, again, attempt },
    run(job, open = null, abort = new AbortController().signal, attempt = 1) {
      const order = {
        plan: {
          entryPath: '/archives/a.tar.gz',
          track: { dir: '/track', info: record.track! } as never,
          runsFolder: join(out, 'runs', job),
          ...{ seed: record.seed, attempt, machine: record.machine },
          limits: { trainSeconds, predictSeconds, processes },
        },
        archiveSha256: record.archiveSha256!,
        open,
      };
      return executor.run(order, abort);
    },
    async leaveResult(job) {
      const folder = join(attempt(job), 'result');
      await mkdir(folder);
      await writeUnscored({ ...record, score: null, folder }, null);
    },
  };
}

/** A line of `scontrol show job --oneliner` about a task of job 1. */
export const line = (name: string, fields = 'JobState=RUNNING NodeList=n1', index = 0): string =>
  `JobId=1 ArrayJobId=1 ArrayTaskId=${index} JobName=${name} Reason=None ExitCode=0:0 ${fields}`;

export async function until(isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo() && waited < 30_000; waited += 20) await sleep(20);
  expect(isSo()).toBe(true);
}
