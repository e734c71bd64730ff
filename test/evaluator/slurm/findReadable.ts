import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';

const chunkBytes = 2 ** 20;

/**
 * Searches all that a process can read for some bytes: its arguments, environment and memory, and the files in some
 * folders and in those of its temporary files, as its mount namespace shows them.
 * @returns the names of what was found, each with the first place; null if the process ended meanwhile
 */
export function findReadable(
  pid: number,
  needles: Readonly<Record<string, Buffer>>,
  folders: readonly string[],
): Record<string, string> | null {
  const program = () => readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  try {
    const before = program();
    const found = searchAll(pid, needles, folders);
    return program() === before && before !== '' ? found : null;
  } catch (error) {
    if (isAlive(pid)) throw error;
    return null;
  }
}

/** A process that has ended has no memory any more, also before its parent waits for it. */
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/maps`, 'latin1') !== '';
  } catch {
    return false;
  }
}

function searchAll(
  pid: number,
  needles: Readonly<Record<string, Buffer>>,
  folders: readonly string[],
): Record<string, string> {
  const found: Record<string, string> = {};
  const search = (bytes: Buffer, place: string) => {
    for (const [name, needle] of Object.entries(needles)) {
      if (found[name] === undefined && bytes.includes(needle)) found[name] = place;
    }
  };
  for (const file of ['cmdline', 'environ']) search(readFileSync(`/proc/${pid}/${file}`), file);
  searchMemory(pid, search);
  const root = `/proc/${pid}/root`;
  for (const folder of folders) searchFolder(join(root, folder), search);
  for (const parent of ['/tmp', '/dev/shm']) {
    for (const name of readdirSync(join(root, parent))) {
      if (name.startsWith(`haet-`) && name.includes(`-${pid}-`))
        searchFolder(join(root, parent, name), search);
    }
  }
  return found;
}

function searchMemory(pid: number, search: (bytes: Buffer, place: string) => void): void {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const bytes = Buffer.alloc(chunkBytes + 256);
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) r/.exec(line) ?? [];
      if (from === undefined || to === undefined) continue;
      const end = Number.parseInt(to, 16);
      // Chunks overlap, so that nothing is cut in two.
      for (let at = Number.parseInt(from, 16); at < end; at += chunkBytes) {
        try {
          const length = readSync(memory, bytes, 0, Math.min(bytes.length, end - at), at);
          search(bytes.subarray(0, length), `memory: ${line.slice(74) || 'no file'}`);
        } catch {
          // not mapped any more, or memory of a device
        }
      }
    }
  } finally {
    closeSync(memory);
  }
}

function searchFolder(folder: string, search: (bytes: Buffer, place: string) => void): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const facts = lstatSync(path, { throwIfNoEntry: false });
    if (facts?.isDirectory()) searchFolder(path, search);
    else if (facts?.isFile()) search(readFileSync(path), path);
  }
}
