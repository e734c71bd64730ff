import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCpuList } from './cpuList.ts';
import { removeGroupFolder } from './groupFolders.ts';

/** Control groups of version 2, and the tree of the cpuset controller of version 1. */
const version2 = '/sys/fs/cgroup';
const version1 = join(version2, 'cpuset');

/** A CPU that this process may use. */
export interface Cpu {
  readonly cpu: number;
  /** The first CPU of its core. */
  readonly core: number;
}

/** Lists the CPUs that this process may use, core by core. */
export function usableCpus(): Cpu[] {
  const status = readFileSync('/proc/self/status', 'latin1');
  return parseCpuList(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '')
    .map((cpu) => ({ cpu, core: coreOf(cpu) }))
    .sort((a, b) => a.core - b.core || a.cpu - b.cpu);
}

/**
 * Chooses the CPUs that a stage runs on: as many as it is given, rounded up, of those that this process may use. CPUs of
 * one core are taken together, so that a stage shares as few cores as possible with other programs.
 */
export function cpusOfStage(count: number): readonly number[] {
  return usableCpus()
    .slice(0, Math.max(1, Math.ceil(count)))
    .map(({ cpu }) => cpu);
}

/** Returns the first CPU of the core that a CPU belongs to; the CPU itself if the machine does not say. */
function coreOf(cpu: number): number {
  try {
    const path = `/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`;
    return parseCpuList(readFileSync(path, 'latin1').trim())[0] ?? cpu;
  } catch {
    return cpu;
  }
}

/** A control group that holds a stage to some CPUs. */
export interface CpuSet {
  /** File that takes the id of a process; null if the stage's own control group holds the CPUs already. */
  readonly entrance: string | null;
  /** Removes it; no process may be left in it. */
  remove(): Promise<void>;
}

/** Tells whether control groups of this user can hold CPUs, and enables the controller if it is available. */
export function canHoldCpus(): boolean {
  if (!existsSync(join(version2, 'cgroup.controllers'))) return existsSync(join(version1, 'cpuset.cpus'));
  const control = join(version2, 'cgroup.subtree_control');
  const isOn = () => readFileSync(control, 'latin1').split(/\s+/).includes('cpuset');
  try {
    if (!isOn()) writeFileSync(control, '+cpuset');
    return isOn();
  } catch {
    return false;
  }
}

/**
 * Holds a stage to some CPUs, in a group of its own (version 1) or in the one that the stage has (version 2).
 * @param name unique on this machine
 * @param group folder of the stage's control group
 * @throws Error if the machine refuses; see canHoldCpus
 */
export function createCpuSet(name: string, group: string, cpus: readonly number[]): CpuSet {
  const list = cpus.join(',');
  const own = join(group, 'cpuset.cpus');
  if (existsSync(own)) {
    writeFileSync(own, list);
    return { entrance: null, remove: async () => {} };
  }
  const folder = join(version1, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'cpuset.cpus'), list);
  writeFileSync(join(folder, 'cpuset.mems'), readFileSync(join(version1, 'cpuset.mems')));
  return {
    entrance: join(folder, 'cgroup.procs'),
    remove: () => removeGroupFolder(folder),
  };
}
