// Temporary folders, control groups and containers outlive an evaluator that is killed with SIGKILL. Their names say
// which process made them, by its id and its start (an id alone is given out again), so that the next evaluator finds
// and removes what was left behind.
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removePath } from '../stage/removeTree.ts';
import { readProcess } from './linux/procfs.ts';

/** A file system in memory, where the machine has one there. */
export const memoryFolder = '/dev/shm';
const namePattern = /^haet-[a-z-]+-(\d+)-(\d+)-/;
let counted = 0;

/** Returns the beginning of the names of what this process makes: `haet-KIND-PID-START-`. START is in ticks since boot. */
export function ownPrefix(kind: string): string {
  return `haet-${kind}-${process.pid}-${startOf(process.pid) ?? 0}-`;
}

/** Returns a name that no other process and no other call has returned. */
export function ownName(kind: string): string {
  counted += 1;
  return `${ownPrefix(kind)}${counted}`;
}

/** Tells whether a name is one of ours, made by a process that is gone. */
export function isLeftBehind(name: string): boolean {
  const [, pid, start] = namePattern.exec(name) ?? [];
  // Without /proc no process can be seen, and nothing is known to be left behind.
  return pid !== undefined && startOf(process.pid) !== null && startOf(Number(pid)) !== Number(start);
}

/** Makes an empty folder that only this user may enter. */
export async function makeOwnFolder(kind: string, parent: string = tmpdir()): Promise<string> {
  return mkdtemp(join(parent, ownPrefix(kind)));
}

/** Removes the folders that evaluators left behind when they were killed. */
export async function sweepOwnFolders(): Promise<void> {
  for (const parent of new Set([memoryFolder, tmpdir()])) {
    for (const name of await readdir(parent).catch(() => [])) {
      if (isLeftBehind(name)) await removePath(join(parent, name)).catch(() => {}); // another user's
    }
  }
}

function startOf(pid: number): number | null {
  return readProcess('/proc', pid)?.startTicks ?? null;
}
