import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { homeFolder } from '../../datasets/cacheFolder.ts';
import { predictionsFile } from '../contract.ts';
import { listProcesses } from '../sandbox/linux/procfs.ts';
import { walkTree } from '../sandbox/walkTree.ts';
import { escapeName } from './hostileArchives.ts';

/** Lists the live processes that have the id of a run in their environment or as an argument. */
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
    return []; // it ended, or belongs to another user
  }
}

/** Lists files in the shared folders of this machine that only an attack can have made: their names say so. */
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
    homeFolder(),
  ];
  return places.flatMap((place) => {
    if (place === null) return [];
    try {
      return readdirSync(place)
        .filter((name) => name.startsWith(escapeName))
        .map((name) => join(place, name));
    } catch {
      return []; // missing, or not readable
    }
  });
}

/** Lists, one sentence each, what in the output of a run would do harm when its folder is copied or published. */
export async function unfitToPublish(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const stage of ['model', 'predictions']) {
    await walkTree(join(folder, stage), {
      visit({ facts, relative }) {
        const path = join(folder, stage, String(relative()));
        if (!facts.isDirectory() && !facts.isFile()) found.push(`${path} is left there and no regular file`);
        if ((facts.mode & 0o6000) !== 0) {
          found.push(`${path} is left there with the rights of its owner or group`);
        }
        return undefined;
      },
    }).catch(({ code }) => {
      if (code !== 'ENOENT') found.push(`${stage} is left so that it cannot be looked through (${code})`);
    });
  }
  const predictions = await readdir(join(folder, 'predictions')).catch(() => []);
  const more = predictions.filter((name) => name !== predictionsFile);
  if (more.length > 0)
    found.push(`${more.length} more things than ${predictionsFile} are left of its predictions`);
  return found;
}
