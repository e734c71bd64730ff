import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LimitHits, StageLimits } from './sandbox.ts';

const root = '/sys/fs/cgroup';
/** The controllers that a stage is held by; version 1 has a tree of its own for each. */
const controllers = ['memory', 'pids', 'cpu'] as const;
type Controller = (typeof controllers)[number];
const cpuPeriodMicroseconds = 100_000;

/** A control group of the kernel (cgroups(7), version 1 or 2): its folder for each controller. */
export interface GroupFolders extends Readonly<Record<Controller, string>> {
  /** Where all its processes are frozen at once; null where the machine or this user has no such thing. */
  readonly freezer: string | null;
}

/** A control group that holds one stage to its limits. */
export interface ControlGroup {
  /** Files to write a process's id into, to put it and all its descendants inside. */
  readonly entrances: readonly string[];
  readonly folders: GroupFolders;
  /** Removes it; nothing may live inside any more. */
  remove(): Promise<void>;
}

const isVersion2 = (): boolean => existsSync(join(root, 'cgroup.controllers'));

/** Whether this user may make control groups with all controllers; `null` when so, else why not. */
export function controlGroupObstacle(): string | null {
  try {
    if (isVersion2()) {
      const enabled = readFileSync(join(root, 'cgroup.subtree_control'), 'latin1').trim().split(' ');
      const missing = controllers.filter((each) => !enabled.includes(each));
      if (missing.length > 0) {
        writeFileSync(join(root, 'cgroup.subtree_control'), missing.map((each) => `+${each}`).join(' '));
      }
      accessSync(root, constants.W_OK);
      return null;
    }
    for (const each of controllers) accessSync(join(root, each), constants.W_OK);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/**
 * Makes a control group with a stage's limits: memory without swap, processes and threads, CPU time.
 * @param name unique on this machine
 * @throws Error where the machine refuses
 */
export function createControlGroup(name: string, limits: StageLimits): ControlGroup {
  const two = isVersion2();
  const folderOf = (each: string) => (two ? join(root, name) : join(root, each, name));
  const folders: GroupFolders = {
    memory: folderOf('memory'),
    pids: folderOf('pids'),
    cpu: folderOf('cpu'),
    freezer: two || isWritable(join(root, 'freezer')) ? folderOf('freezer') : null,
  };
  for (const folder of foldersOf(folders)) mkdirSync(folder, { recursive: true });
  const quota = String(Math.round(limits.cpus * cpuPeriodMicroseconds));
  const set = (controller: Controller, file: string, value: string) =>
    writeFileSync(join(folders[controller], file), value);
  const setWhereKnown = (controller: Controller, file: string, value: string) => {
    // Without swap accounting the kernel has no such file, and then usually no swap either.
    if (existsSync(join(folders[controller], file))) set(controller, file, value);
  };
  set('pids', 'pids.max', String(limits.processes));
  if (two) {
    set('memory', 'memory.max', String(limits.memoryBytes));
    setWhereKnown('memory', 'memory.swap.max', '0');
    set('cpu', 'cpu.max', `${quota} ${cpuPeriodMicroseconds}`);
  } else {
    set('memory', 'memory.limit_in_bytes', String(limits.memoryBytes));
    setWhereKnown('memory', 'memory.memsw.limit_in_bytes', String(limits.memoryBytes));
    setWhereKnown('memory', 'memory.swappiness', '0');
    set('cpu', 'cpu.cfs_period_us', String(cpuPeriodMicroseconds));
    set('cpu', 'cpu.cfs_quota_us', quota);
  }
  const unique = foldersOf(folders);
  return {
    folders,
    entrances: unique.map((folder) => join(folder, 'cgroup.procs')),
    async remove() {
      for (const folder of unique) await removeFolder(folder);
    },
  };
}

/** Each folder of a group, once. */
export function foldersOf(group: GroupFolders): string[] {
  return [...new Set(Object.values(group).filter((folder): folder is string => folder !== null))];
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Freezes or thaws all processes of a group. When this returns true, every task is marked and none returns to its own
 * code until it is thawed; one that is inside a system call finishes what it does there first.
 * @returns false where the group cannot be frozen
 */
export function setFrozen({ freezer }: GroupFolders, frozen: boolean): boolean {
  if (freezer === null) return false;
  try {
    if (isVersion2()) writeFileSync(join(freezer, 'cgroup.freeze'), frozen ? '1' : '0');
    else writeFileSync(join(freezer, 'freezer.state'), frozen ? 'FROZEN' : 'THAWED');
    return true;
  } catch {
    return false; // not ours to freeze, or gone
  }
}

/** The kernel lets a group go some milliseconds after its last process. */
async function removeFolder(folder: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      rmdirSync(folder);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || tries >= 200) throw error;
      await sleep(10);
    }
  }
}

/** The control group that a process of this machine lives in. @throws Error when the process is gone */
export function groupOf(pid: number | 'self'): GroupFolders {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'latin1').trim().split('\n');
  // Lines are id:controllers:path; version 2 has one, 0::path.
  const paths = new Map<string, string>();
  for (const line of lines) {
    const [id, names, ...path] = line.split(':');
    for (const each of id === '0' ? controllers : names!.split(',')) {
      const known = paths.has(each) && id === '0';
      if (!known) paths.set(each, path.join(':'));
    }
  }
  const two = isVersion2();
  const folderOf = (each: string) => {
    const top = two ? root : join(root, each);
    const folder = join(top, paths.get(each) ?? '/');
    // In a container the path is that of the machine outside, while what is mounted is the container's own group.
    return existsSync(folder) ? folder : top;
  };
  const freezer = two || paths.has('freezer') ? folderOf(two ? 'memory' : 'freezer') : null;
  return { memory: folderOf('memory'), pids: folderOf('pids'), cpu: folderOf('cpu'), freezer };
}

/**
 * What the kernel counted against a group's limits. Kills for lack of memory are `oom_kill` of memory.events (version 2)
 * or memory.oom_control (version 1); the kernel counts there also a process that it kills because the whole machine ran
 * out of memory. Whether the group had used up its own is said by `oom` of memory.events (version 2); in version 1, whose
 * memory.failcnt newer kernels leave at 0, by a peak at the limit. Refused processes are `max` of pids.events, the peak of
 * memory memory.peak (version 2, since Linux 5.19) or memory.max_usage_in_bytes (version 1). Null where a counter other
 * than the peak cannot be read.
 */
export function readLimitHits({ memory, pids }: GroupFolders): LimitHits | null {
  const outOfMemoryKills =
    counter(join(memory, 'memory.events'), 'oom_kill') ??
    counter(join(memory, 'memory.oom_control'), 'oom_kill');
  const memoryUsedUp = isMemoryUsedUp(memory);
  const processesRefused = counter(join(pids, 'pids.events'), 'max');
  return outOfMemoryKills === null || memoryUsedUp === null || processesRefused === null
    ? null
    : { outOfMemoryKills, memoryUsedUp, processesRefused, peakMemoryBytes: readPeakMemory(memory) };
}

function readPeakMemory(folder: string): number | null {
  return wholeNumber(join(folder, 'memory.peak')) ?? wholeNumber(join(folder, 'memory.max_usage_in_bytes'));
}

/** Most processes and threads of a group; null where it has no limit. */
export function readProcessLimit({ pids }: GroupFolders): number | null {
  try {
    const text = readFileSync(join(pids, 'pids.max'), 'latin1').trim();
    return text === 'max' ? null : Number(text);
  } catch {
    return null; // the root of version 1 has no such file
  }
}

/** The kernel charges memory in batches per CPU, so a peak may stay a little below the limit (MEMCG_CHARGE_BATCH). */
const chargeSlackBytes = 2 ** 20;

function isMemoryUsedUp(folder: string): boolean | null {
  const refusals = counter(join(folder, 'memory.events'), 'oom');
  if (refusals !== null) return refusals > 0;
  const [peak, limit] = ['max_usage_in_bytes', 'limit_in_bytes'].map((file) =>
    wholeNumber(join(folder, `memory.${file}`)),
  );
  return peak == null || limit == null ? null : peak >= limit - chargeSlackBytes;
}

function wholeNumber(file: string): number | null {
  try {
    return Number(readFileSync(file, 'latin1'));
  } catch {
    return null;
  }
}

function counter(file: string, name: string): number | null {
  try {
    const match = new RegExp(`^${name} (\\d+)$`, 'm').exec(readFileSync(file, 'latin1'));
    return match === null ? null : Number(match[1]);
  } catch {
    return null;
  }
}

/** Ids of the processes in a group, as this machine counts them. */
export function processesIn({ pids }: GroupFolders): number[] {
  try {
    return readFileSync(join(pids, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean).map(Number);
  } catch {
    return []; // the group is gone, and so are they
  }
}
