import { groupFiles, type ReadFile, readGrant } from '../../machine/machine.ts';
import type { Holds } from '../holds.ts';
import { parseCpuList } from '../linux/cpuList.ts';

/**
 * What the container around this process holds it and all its children to, read from its control groups.
 * @param networks names of the network interfaces that have an address
 */
export function containerHolds(
  read: ReadFile,
  networks: readonly string[],
): Pick<Holds, 'memory' | 'cpus' | 'network'> {
  const { memoryLimitBytes, quota, present, cores } = readGrant(read);
  // Affinity is no limit: a process may widen its own up to the cpuset.
  const mostCores = Math.min(quota ?? present, cpusetSize(read) ?? present);
  return {
    memory: memoryLimitBytes !== null && cannotSwap(read, memoryLimitBytes),
    // Entries are told whole cores: under a quota of 2.5 they would be told 2 and held to more.
    cpus: mostCores <= cores,
    network: networks.every((name) => name === 'lo'),
  };
}

function cpusetSize(read: ReadFile): number | null {
  const lists = [
    ...groupFiles(read, '', 'cpuset.cpus.effective'),
    ...groupFiles(read, 'cpuset', 'cpuset.effective_cpus'),
  ].filter((list) => list !== '');
  return lists.length === 0 ? null : Math.min(...lists.map((list) => parseCpuList(list).length));
}

function cannotSwap(read: ReadFile, memoryLimitBytes: number): boolean {
  if (/^SwapTotal:\s*0 kB$/m.test(read('/proc/meminfo') ?? '')) return true;
  const swap = groupFiles(read, '', 'memory.swap.max').map(Number);
  const memoryAndSwap = groupFiles(read, 'memory', 'memory.memsw.limit_in_bytes').map(Number);
  return swap.includes(0) || memoryAndSwap.some((bytes) => bytes <= memoryLimitBytes);
}
