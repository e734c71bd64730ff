import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Memory that belongs to no file on a disk: what programs allocate, and what lies in file systems in memory. */
export interface GroupMemory {
  readonly anonymousBytes: number;
  readonly sharedBytes: number;
}

/**
 * What a control group's processes and their files in memory take (memory.stat of cgroups(7), version 1 or 2); null
 * where it does not say.
 */
export function readGroupMemory(folder: string): GroupMemory | null {
  const text = readText(join(folder, 'memory.stat'));
  // Version 1 has the group alone under the short name, and with its subgroups under the long one.
  const anonymous = field(text, 'total_rss') ?? field(text, 'anon');
  const shared = field(text, 'total_shmem') ?? field(text, 'shmem');
  return anonymous === null || shared === null ? null : { anonymousBytes: anonymous, sharedBytes: shared };
}

/**
 * What a stage alone holds in memory, where that is more than it was given; null where it is not, or nobody can say.
 *
 * In a container there are the stage, the evaluator and helpers of ours. What the container's control group holds, less
 * what lay in file systems in memory before the stage, less all that processes other than the stage's have resident, is
 * the stage's: at least that, as pages of others count in full, also those that they share. Page cache, which the kernel
 * takes back, is not counted.
 * @param group folder of the container's control group
 * @param before what that held when the stage started
 * @param stage ids of the processes of the stage
 */
export function memoryBeyond(
  limitBytes: number,
  group: string,
  before: GroupMemory,
  stage: () => readonly number[],
): number | null {
  const now = readGroupMemory(group);
  if (now === null) return null;
  const shared = Math.max(0, now.sharedBytes - before.sharedBytes);
  if (now.anonymousBytes + shared <= limitBytes) return null;
  const bytes = now.anonymousBytes + shared - residentOfOthers(new Set(stage()));
  return bytes > limitBytes ? bytes : null;
}

/** Of every process but those of the stage. One that the stage has just started counts as another's: never too little. */
function residentOfOthers(stage: ReadonlySet<number>): number {
  let bytes = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || stage.has(Number(name))) continue;
    const status = readText(`/proc/${name}/status`);
    for (const part of ['RssAnon', 'RssShmem']) {
      bytes += 1024 * Number(new RegExp(`^${part}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
    }
  }
  return bytes;
}

function field(text: string, name: string): number | null {
  const value = new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1];
  return value === undefined ? null : Number(value);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
