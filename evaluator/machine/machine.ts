import { readFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import type { RunRecord } from '../run/record.ts';
import { parseCpuList } from '../sandbox/linux/cpuList.ts';

/** Reads a file of /proc or /sys; null if it does not exist. Tests pass one that reads from a table. */
export type ReadFile = (path: string) => string | null;

export const readSystemFile: ReadFile = (path) => {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return null;
  }
};

/** CPU features that decide which kernels can run, by their names in /proc/cpuinfo. */
export const featuresThatMatter = [
  'avx2',
  'fma',
  'avx512f',
  'avx512_bf16',
  'avx512_vnni',
  'amx_tile',
  'amx_bf16',
  'amx_int8',
  // arm64
  'asimd',
  'asimddp',
  'sve',
  'sve2',
  'i8mm',
  'bf16',
] as const;

/** Reads facts about the processor; `virtual`: provided by a hypervisor. */
export function readProcessor(read: ReadFile): { model: string; features: string[]; virtual: boolean } {
  const text = read('/proc/cpuinfo') ?? '';
  const field = (name: string) => new RegExp(`^${name}\\s*:\\s*(.+)$`, 'm').exec(text)?.[1]?.trim();
  const flags = new Set((field('flags') ?? field('Features') ?? '').split(/\s+/));
  return {
    model: field('model name') ?? numbersOf(field) ?? cpus()[0]?.model ?? 'unknown',
    features: featuresThatMatter.filter((feature) => flags.has(feature)),
    virtual: flags.has('hypervisor'),
  };
}

/** Returns the numbers that name a CPU of arm64, whose kernels mostly print no name. */
function numbersOf(field: (name: string) => string | undefined): string | null {
  const [implementer, part] = [field('CPU implementer'), field('CPU part')];
  return implementer && part ? `arm64 CPU, implementer ${implementer}, part ${part}` : null;
}

/** Resources granted to this process. `quota` (in cores) and `memoryLimitBytes` are null if there is no limit. */
export interface Grant {
  readonly present: number;
  readonly affinity: number;
  readonly quota: number | null;
  /** Whole cores usable at once: the smaller of affinity and quota, at least 1. */
  readonly cores: number;
  readonly memoryTotalBytes: number;
  readonly memoryLimitBytes: number | null;
  /** The smaller of the machine's memory and the control group's limit. */
  readonly memoryBytes: number;
}

/** Reads what affinity and control groups (version 1 or 2) grant to this process. */
export function readGrant(read: ReadFile): Grant {
  const online = read('/sys/devices/system/cpu/online');
  const present = online ? parseCpuList(online).length : cpus().length;
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(read('/proc/self/status') ?? '')?.[1];
  const affinity = allowed ? parseCpuList(allowed).length : present;
  const quota = smallest([
    ...groupFiles(read, '', 'cpu.max').map((text) => {
      const [limit, period] = text.split(/\s+/).map(Number);
      return limit! / period!;
    }),
    ...groupFolders(read, 'cpu').map((folder) => {
      const limit = Number(read(`${folder}/cpu.cfs_quota_us`) ?? -1);
      return limit > 0 ? limit / Number(read(`${folder}/cpu.cfs_period_us`)) : Number.NaN;
    }),
  ]);
  const kilobytes = /^MemTotal:\s*(\d+) kB$/m.exec(read('/proc/meminfo') ?? '')?.[1];
  const memoryTotalBytes = kilobytes ? Number(kilobytes) * 1024 : totalmem();
  const limit = smallest([
    ...groupFiles(read, '', 'memory.max').map(Number),
    ...groupFiles(read, 'memory', 'memory.limit_in_bytes').map(Number),
  ]);
  // Version 1 writes "no limit" as a number near 2^63.
  const memoryLimitBytes = limit !== null && limit < memoryTotalBytes ? limit : null;
  return {
    present,
    affinity,
    quota,
    cores: Math.max(1, Math.min(affinity, Math.floor(quota ?? affinity))),
    memoryTotalBytes,
    memoryLimitBytes,
    memoryBytes: memoryLimitBytes ?? memoryTotalBytes,
  };
}

/**
 * Lists the folders of our control group and its ancestors; a limit on any of them applies. Version 2: `controller`
 * ''.
 */
function groupFolders(read: ReadFile, controller: string): string[] {
  const lines = (read('/proc/self/cgroup') ?? '').split('\n').map((line) => line.split(':'));
  const line = lines.find(([, names]) => (names ?? '').split(',').includes(controller));
  if (line === undefined) return [];
  const parts = line.slice(2).join(':').split('/').filter(Boolean);
  const mounts =
    controller === '' ? ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'] : [`/sys/fs/cgroup/${controller}`];
  return mounts.flatMap((mount) =>
    Array.from({ length: parts.length + 1 }, (_, depth) => [mount, ...parts.slice(0, depth)].join('/')),
  );
}

/** Reads a file of our control group and of all its ancestors. `controller` is '' for version 2. */
export function groupFiles(read: ReadFile, controller: string, file: string): string[] {
  return groupFolders(read, controller)
    .map((folder) => read(`${folder}/${file}`))
    .filter((text) => text !== null);
}

function smallest(values: number[]): number | null {
  const known = values.filter((value) => Number.isFinite(value));
  return known.length > 0 ? Math.min(...known) : null;
}

/** Describes the machine for a record: cores and memory are those granted to this process. */
export async function describeMachine(): Promise<RunRecord['machine']> {
  const { model, features } = readProcessor(readSystemFile);
  const { cores, memoryBytes } = readGrant(readSystemFile);
  return {
    cpu: model,
    cores,
    memoryBytes: Math.floor(memoryBytes),
    features,
    platform: `${process.platform} ${arch()} ${release()}`,
    node: process.versions.node,
  };
}
