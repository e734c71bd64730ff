import { readdirSync, type Stats, statSync } from 'node:fs';

/** Files that a process has open, and those that it has mapped; who may not look into the second is told of none there. */
const folders = ['fd', 'map_files'] as const;

/**
 * Bytes that files without a name take on a disk: files that were removed, and that processes hold open or mapped.
 * @param proc the /proc that counts the processes as `pids` does
 * @param device the disk, as `st_dev` of stat(2)
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
    return []; // the process ended, or is not ours to look into
  }
}

function statOrNull(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null; // it was closed meanwhile
  }
}
