import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isLeftBehind } from '../ownNames.ts';
import { waitUntil } from '../waitUntil.ts';

/** Where the control groups are mounted. */
export const groupRoot = '/sys/fs/cgroup';
/** The controllers that a stage is held by; version 1 has a tree of its own for each. */
export const controllers = ['memory', 'pids', 'cpu'] as const;
export type Controller = (typeof controllers)[number];

/** A control group of the kernel (cgroups(7), version 1 or 2): its folder for each controller. */
export interface GroupFolders extends Readonly<Record<Controller, string>> {
  /** Folder by which all its processes are frozen at once; null if the machine or this user cannot. */
  readonly freezer: string | null;
}

/** Tells whether the machine has version 2. */
export const isVersion2 = (): boolean => existsSync(join(groupRoot, 'cgroup.controllers'));

/** Lists each folder of a group once. */
export function foldersOf(group: GroupFolders): string[] {
  return [...new Set(Object.values(group).filter((folder): folder is string => folder !== null))];
}

/**
 * Freezes or thaws all processes of a group. When this returns true, every task is marked and none returns to its own
 * code until it is thawed; one that is inside a system call finishes what it does there first.
 * @returns false if the group cannot be frozen
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

/** On an idle machine it takes some milliseconds. */
const mostReleaseSeconds = 60;

/**
 * Removes the folder of a control group, or of one of its controllers. The kernel lets a group go after its last process
 * has been torn down, which takes seconds on a busy machine.
 * @throws Error if it is still in use after a minute
 */
export async function removeGroupFolder(folder: string): Promise<void> {
  let refusal: unknown;
  const removed = await waitUntil(() => {
    try {
      rmdirSync(folder);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return true;
      if (code !== 'EBUSY') throw error;
      refusal = error;
      return false;
    }
  }, mostReleaseSeconds);
  if (!removed) throw refusal;
}

/** Removes the groups that evaluators left behind when they were killed. The kernel keeps one that has a process in it. */
export function sweepGroups(): void {
  const trees = ['', ...controllers, 'freezer', 'cpuset'].map((each) => join(groupRoot, each));
  for (const tree of trees.filter((each) => existsSync(each))) {
    for (const name of readdirSync(tree).filter(isLeftBehind)) {
      try {
        rmdirSync(join(tree, name));
      } catch {
        // in use, gone meanwhile, or another user's
      }
    }
  }
}

/** Finds the control group that a process is in. @throws Error if the process is gone */
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
    const top = two ? groupRoot : join(groupRoot, each);
    const folder = join(top, paths.get(each) ?? '/');
    // In a container the path is that of the machine outside, while what is mounted is the container's own group.
    return existsSync(folder) ? folder : top;
  };
  const freezer = two || paths.has('freezer') ? folderOf(two ? 'memory' : 'freezer') : null;
  return { memory: folderOf('memory'), pids: folderOf('pids'), cpu: folderOf('cpu'), freezer };
}

/** Lists the ids of the processes in a group. */
export function processesIn({ pids }: GroupFolders): number[] {
  try {
    return readFileSync(join(pids, 'cgroup.procs'), 'latin1').split('\n').filter(Boolean).map(Number);
  } catch {
    return []; // the group is gone, and so are they
  }
}
