// Temporary folders, control groups and containers outlive an evaluator that is killed with SIGKILL. Their names say
// which process made them, by its id, its start (an id alone is given out again) and its process namespace (two
// containers that share a folder have ids of their own), so that the next evaluator finds and removes what was left.
import { readlinkSync } from 'node:fs';
import { lstat, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { codeAndMeaning, ownership } from '../../datasets/systemError.ts';
import { UserError } from '../../datasets/userError.ts';
import { ownNamePattern, temporaryVariable } from '../machine/temporaryNames.ts';
import { readProcess } from './linux/procfs.ts';
import { removePath } from './removeTree.ts';

/** A file system in memory, where the machine has one there. */
export const memoryFolder = '/dev/shm';
let counted = 0;

/**
 * Returns the beginning of the names of what this process makes: `haet-KIND-PID-START-NAMESPACE-`. START is in ticks since
 * boot, NAMESPACE the kernel's number of the process namespace.
 */
export function ownPrefix(kind: string): string {
  return `haet-${kind}-${process.pid}-${readProcess('/proc', process.pid)?.startTicks ?? 0}-${ownNamespace()}-`;
}

/** Returns a name that no other process and no other call has returned. */
export function ownName(kind: string): string {
  counted += 1;
  return `${ownPrefix(kind)}${counted}`;
}

/** Tells whether a name is one of ours, made by a process of this namespace that is gone. */
export function isLeftBehind(name: string): boolean {
  const [, pid, start, namespace] = ownNamePattern.exec(name) ?? [];
  if (pid === undefined || namespace !== ownNamespace()) return false;
  // Without /proc no process can be seen, and nothing is known to be left behind.
  if (readProcess('/proc', process.pid) === null) return false;
  const now = readProcess('/proc', Number(pid));
  return now === null ? !isHidden(Number(pid)) : now.startTicks !== Number(start);
}

/**
 * Makes an empty folder that only this user may enter.
 * @param parent default: the temporary folder
 * @throws UserError that names the variable to set, if it cannot be made in the temporary folder
 */
export async function makeOwnFolder(kind: string, parent?: string): Promise<string> {
  const above = resolve(parent ?? tmpdir());
  return mkdtemp(join(above, ownPrefix(kind))).catch((error) => {
    throw parent === undefined ? unusableTemporary(above, error) : error;
  });
}

/** Returns the error for a temporary folder in which nothing can be made. */
export function unusableTemporary(folder: string, error: unknown): UserError {
  const variable = temporaryVariable();
  const { code } = error as NodeJS.ErrnoException;
  const owner = code === 'EACCES' ? ownership(folder) : '';
  return new UserError(
    {
      option: variable ?? undefined,
      path: folder,
      reason: `cannot be used as the temporary folder (${codeAndMeaning(error)}${owner})`,
      remedy: `Set ${variable ?? 'TMPDIR'} to a folder that you can write to${variable === null ? '' : `, or unset ${variable}`}.`,
    },
    { cause: error },
  );
}

/** Removes the folders that evaluators left behind when they were killed. */
export async function sweepOwnFolders(): Promise<void> {
  for (const parent of new Set([memoryFolder, tmpdir()])) {
    for (const name of await readdir(parent).catch(() => [])) {
      const path = join(parent, name);
      if (isLeftBehind(name) && (await isOwn(path))) await removePath(path).catch(() => {});
    }
  }
}

/** Tells whether a path is this user's. In a folder that all may write to, any user can take a name of ours. */
async function isOwn(path: string): Promise<boolean> {
  return lstat(path).then(
    ({ uid }) => uid === process.getuid?.(),
    () => false,
  );
}

/** Tells whether a process lives that /proc does not show us, as one of another user under `hidepid`. */
function isHidden(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function ownNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}
