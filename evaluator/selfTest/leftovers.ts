import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { listProcesses } from '../sandbox/procfs.ts';
import { escapeName } from './hostileArchives.ts';

/** The live processes that carry the id of a run in their environment or as a word of their command line. */
export function processesOf(runId: string): { pid: number; command: string }[] {
  return listProcesses('/proc')
    .filter(({ pid }) => pid !== process.pid)
    .filter(
      ({ pid }) =>
        words(pid, 'cmdline').includes(runId) || words(pid, 'environ').includes(`HAET_RUN_ID=${runId}`),
    )
    .map(({ pid }) => ({ pid, command: words(pid, 'cmdline').join(' ').slice(0, 200) }));
}

function words(pid: number, file: 'cmdline' | 'environ'): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1').split('\0');
  } catch {
    return []; // it ended, or is somebody else's
  }
}

/** Files in the common places of this machine that only an attack can have put there: it names them so. */
export function escapedFiles(): string[] {
  const places = [
    '/',
    '/tmp',
    '/var/tmp',
    '/dev',
    '/dev/shm',
    '/dev/mqueue',
    '/run',
    '/home',
    '/usr/bin',
    homedir(),
  ];
  return places.flatMap((place) => {
    try {
      return readdirSync(place)
        .filter((name) => name.startsWith(escapeName))
        .map((name) => join(place, name));
    } catch {
      return []; // not there, or not ours to read
    }
  });
}
