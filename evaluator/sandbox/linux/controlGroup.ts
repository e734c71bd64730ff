import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StageLimits } from '../sandbox.ts';
import {
  type Controller,
  controllers,
  foldersOf,
  type GroupFolders,
  isVersion2,
  removeGroupFolder,
  groupRoot as root,
} from './groupFolders.ts';

const cpuPeriodMicroseconds = 100_000;

/** A control group that holds one stage to its limits. */
export interface ControlGroup {
  /** Files that take the id of a process, to put it and all its descendants into the group. */
  readonly entrances: readonly string[];
  readonly folders: GroupFolders;
  /** Removes the group, in which no process may be left. */
  remove(): Promise<void>;
}

/** Says why this user cannot make control groups with all controllers; null if it can. */
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
 * @throws Error if the machine refuses
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
      for (const folder of unique) await removeGroupFolder(folder);
    },
  };
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
