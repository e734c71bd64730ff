import { expect, test } from '@jest/globals';
import { containerHolds } from '../../../../evaluator/sandbox/user/containerHolds.ts';

const machine = {
  '/sys/devices/system/cpu/online': '0-7',
  '/proc/self/status': 'Cpus_allowed_list:\t0-7',
  '/proc/meminfo': 'MemTotal: 16777216 kB\nSwapTotal: 0 kB',
};
const group = { '/proc/self/cgroup': '0::/' };
const memory = { ...group, '/sys/fs/cgroup/memory.max': '4294967296' };
const first = { '/proc/self/cgroup': '4:memory:/\n3:cpuset:/\n2:cpu:/' };
const swap = { '/proc/meminfo': 'MemTotal: 16777216 kB\nSwapTotal: 1048576 kB' };
const firstMemory = { ...first, '/sys/fs/cgroup/memory/memory.limit_in_bytes': '4294967296' };

const held = (files: Record<string, string>, networks = ['lo']) => {
  const all: Record<string, string> = { ...machine, ...files };
  return containerHolds((path) => all[path] ?? null, networks);
};

test('a machine without a container limits no memory; all CPUs count', () => {
  expect(held({}, ['lo', 'eth0'])).toEqual({ memory: false, cpus: true, network: false });
});

test.each<[string, Record<string, string>, boolean]>([
  ['limited, without swap on the machine', memory, true],
  ['limited, and it may be swapped out', { ...memory, ...swap }, false],
  ['limited, without swap of its own', { ...memory, ...swap, '/sys/fs/cgroup/memory.swap.max': '0' }, true],
  ['limited by version 1, and it may be swapped out', { ...firstMemory, ...swap }, false],
  [
    'limited by version 1 together with swap',
    { ...firstMemory, ...swap, '/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes': '4294967296' },
    true,
  ],
])('memory that is %s', (_, files, memoryHeld) => {
  expect(held(files).memory).toBe(memoryHeld);
});

test.each<[string, Record<string, string>, boolean]>([
  ['a quota of whole cores', { ...group, '/sys/fs/cgroup/cpu.max': '400000 100000' }, true],
  // The entry would be given 2 and limited to 2.5.
  ['a quota of two cores and a half', { ...group, '/sys/fs/cgroup/cpu.max': '250000 100000' }, false],
  ['only affinity, which an entry can widen', { '/proc/self/status': 'Cpus_allowed_list:\t0-1' }, false],
  [
    'a cpuset',
    {
      ...group,
      '/proc/self/status': 'Cpus_allowed_list:\t0-1',
      '/sys/fs/cgroup/cpuset.cpus.effective': '0-1',
    },
    true,
  ],
  [
    'a cpuset of version 1',
    {
      ...first,
      '/proc/self/status': 'Cpus_allowed_list:\t2,4',
      '/sys/fs/cgroup/cpuset/cpuset.effective_cpus': '2,4',
    },
    true,
  ],
])('CPUs by %s', (_, files, cpusHeld) => {
  expect(held(files).cpus).toBe(cpusHeld);
});
