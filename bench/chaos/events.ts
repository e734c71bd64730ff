import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SlurmCluster } from '../slurmCluster.ts';

/** States of an attempt in the order in which they are reached, by what its folder holds. */
export const attemptStates = [
  'issued',
  'given to a batch',
  'started',
  'train',
  'predict',
  'predict-again',
  'returned',
  'taken in',
  'recorded',
] as const;

/** Called when an attempt reaches a state, or a job of Slurm does: `Slurm RUNNING`. */
export type OnEvent = (state: string, attemptFolder: string | null) => void;

const filesMs = 20;
const slurmMs = 400;

/**
 * Watches all attempts of a grading, and its jobs in Slurm, until it is aborted.
 * @param out folder of the grading
 */
export async function watchStates(
  cluster: SlurmCluster,
  out: string,
  abort: AbortSignal,
  on: OnEvent,
): Promise<void> {
  await Promise.all([watchFiles(out, abort, on), watchSlurm(cluster, abort, on)]);
}

async function watchFiles(out: string, abort: AbortSignal, on: OnEvent): Promise<void> {
  const reached = new Map<string, number>();
  const last = attemptStates.length - 1;
  while (!abort.aborted) {
    for (const folder of attemptsIn(out)) {
      const before = reached.get(folder) ?? -1;
      if (before === last) continue;
      const state = stateOf(folder);
      if (state <= before) continue;
      reached.set(folder, state);
      on(attemptStates[state]!, folder);
    }
    await sleep(filesMs);
  }
}

/** Lists the folders of all attempts of a grading. */
export function attemptsIn(out: string): string[] {
  return list(join(out, 'runs')).flatMap((job) =>
    list(join(out, 'runs', job)).map((attempt) => join(out, 'runs', job, attempt)),
  );
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // it is not there yet, or was removed
  }
}

function stateOf(folder: string): number {
  const names = list(folder);
  const at = (state: (typeof attemptStates)[number]) => attemptStates.indexOf(state);
  if (names.includes('record.json')) return at('recorded');
  if (names.includes('unscored.json')) return at('taken in');
  if (names.includes('result')) return at('returned');
  if (names.includes('status.json')) {
    const { stage } = readJson(join(folder, 'status.json')) ?? {};
    return Math.max(at('started'), attemptStates.indexOf(stage as never));
  }
  return readJson(join(folder, 'issued.json'))?.batch == null ? at('issued') : at('given to a batch');
}

/** Reads a file of JSON; null if it is not there or not whole. */
export function readJson(path: string): Record<string, unknown> | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

async function watchSlurm({ env }: SlurmCluster, abort: AbortSignal, on: OnEvent): Promise<void> {
  const seen = new Set<string>();
  while (!abort.aborted) {
    const text = await new Promise<string>((done) => {
      const words = ['--noheader', '--states=all', '--array', '--format=%i %T'];
      execFile('squeue', words, { env, timeout: 10_000 }, (_, stdout) => done(stdout));
    });
    for (const line of text.split('\n').filter(Boolean)) {
      if (seen.has(line)) continue;
      seen.add(line);
      on(`Slurm ${line.split(' ')[1]}`, null);
    }
    await sleep(slurmMs);
  }
}
