import { readdirSync, type Stats, statSync } from 'node:fs';

/** Open and mapped files of a process; without permission, mapped files are not listed. */
const folders = ['fd', 'map_files'] as const;

/**
 * Returns the bytes of deleted files that processes still hold open or mapped.
 * @param proc the /proc whose process ids are `pids`
 * @param device `st_dev` of the disk, see stat(2)
 */
export function namelessBytes(proc: string, pids: readonly number[], device: number): number {
  const bytesOf = new Map<number, number>();
  for (const pid of pids) {
    for (const folder of folders) {
      for (const path of pathsIn(`${proc}/${pid}/${folder}`)) {
        const facts = statOrNull(path);
        if (facts?.isFile() && facts.nlink === 0 && facts.dev === device) {
          bytesOf.set(facts.ino, facts.blocks * 512);
        }
      }
    }
  }
  return [...bytesOf.values()].reduce((sum, bytes) => sum + bytes, 0);
}

function pathsIn(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => `${folder}/${name}`);
  } catch {
    return []; // the process ended, or we have no permission
  }
}

function statOrNull(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null; // it was closed meanwhile
  }
}
