import { describe, expect, test } from '@jest/globals';
import { describeMachine, readGrant, readProcessor } from '../../../evaluator/machine/machine.ts';
import { findDoubts } from '../../../evaluator/machine/machineDoubts.ts';

const machine = (files: Record<string, string>) => (path: string) => files[path] ?? null;
const base = {
  '/sys/devices/system/cpu/online': '0-7',
  '/proc/self/status': 'Name:\tnode\nCpus_allowed_list:\t0-3\nMems_allowed_list:\t0',
  '/proc/meminfo': 'MemTotal:       16777216 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB',
};

describe('granted resources', () => {
  test('without control groups are the cores by affinity and the memory of the machine', () => {
    expect(readGrant(machine(base))).toMatchObject({
      present: 8,
      affinity: 4,
      quota: null,
      cores: 4,
      memoryLimitBytes: null,
      memoryBytes: 16 * 2 ** 30,
    });
  });

  test('are limited by a version 2 control group, also by a parent', () => {
    const grant = readGrant(
      machine({
        ...base,
        '/proc/self/cgroup': '0::/system/job',
        '/sys/fs/cgroup/system/job/cpu.max': 'max 100000',
        '/sys/fs/cgroup/system/cpu.max': '250000 100000',
        '/sys/fs/cgroup/system/job/memory.max': '4294967296',
        '/sys/fs/cgroup/system/memory.max': 'max',
      }),
    );
    expect(grant).toMatchObject({ quota: 2.5, cores: 2, memoryBytes: 2 ** 32, memoryLimitBytes: 2 ** 32 });
  });

  test('are limited by a version 1 control group', () => {
    const grant = readGrant(
      machine({
        ...base,
        '/proc/self/cgroup': '4:memory:/job\n2:cpu,cpuacct:/job\n0::/',
        '/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us': '150000',
        '/sys/fs/cgroup/cpu/job/cpu.cfs_period_us': '100000',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1',
        '/sys/fs/cgroup/memory/job/memory.limit_in_bytes': '1073741824',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
      }),
    );
    expect(grant).toMatchObject({ quota: 1.5, cores: 1, memoryBytes: 2 ** 30 });
  });

  test('are at least one core with a quota below one', () => {
    const files = { ...base, '/proc/self/cgroup': '0::/', '/sys/fs/cgroup/cpu.max': '20000 100000' };
    expect(readGrant(machine(files)).cores).toBe(1);
  });
});

test('include the relevant processor flags in a fixed order', () => {
  const cpuinfo =
    'model name\t: Intel(R) Xeon(R) 8481C\nflags\t\t: fpu amx_bf16 avx2 hypervisor amx_tile fma avx512f';
  expect(readProcessor(machine({ '/proc/cpuinfo': cpuinfo }))).toEqual({
    model: 'Intel(R) Xeon(R) 8481C',
    features: ['avx2', 'fma', 'avx512f', 'amx_tile', 'amx_bf16'],
    virtual: true,
  });
});

describe('a processor of arm64', () => {
  const cpuinfo = [
    'processor\t: 0',
    'BogoMIPS\t: 243.75',
    'Features\t: fp asimd evtstrm aes crc32 atomics asimdhp asimddp sve svebf16 i8mm bf16',
    'CPU implementer\t: 0x41',
    'CPU part\t: 0xd40',
  ].join('\n');

  test('has its own relevant flags, and no model name but numbers', () => {
    expect(readProcessor(machine({ '/proc/cpuinfo': cpuinfo }))).toEqual({
      model: 'arm64 CPU, implementer 0x41, part 0xd40',
      features: ['asimd', 'asimddp', 'sve', 'i8mm', 'bf16'],
      virtual: false,
    });
  });

  test('has the model name that some kernels print', () => {
    const named = `${cpuinfo}\nmodel name\t: Ampere Altra`;
    expect(readProcessor(machine({ '/proc/cpuinfo': named })).model).toBe('Ampere Altra');
  });
});

describe('causes of unreliable timings', () => {
  const remedies = (files: Record<string, string>) =>
    findDoubts(machine({ ...base, '/proc/cpuinfo': 'flags : fpu', ...files }))
      .filter(({ remedy }) => remedy !== null)
      .map(({ name }) => name);
  const cpu = '/sys/devices/system/cpu';

  test.each([
    ['a powersave governor', { [`${cpu}/cpu0/cpufreq/scaling_governor`]: 'powersave' }, 'frequency governor'],
    ['turbo (Intel)', { [`${cpu}/intel_pstate/no_turbo`]: '0' }, 'turbo'],
    ['turbo (others)', { [`${cpu}/cpufreq/boost`]: '1' }, 'turbo'],
    ['hyper-threads', { [`${cpu}/cpu0/topology/thread_siblings_list`]: '0,4' }, 'hyper-threads'],
    ['a hypervisor', { '/proc/cpuinfo': 'flags : fpu hypervisor' }, 'virtual machine'],
    ['stolen time', { '/proc/stat': 'cpu  900 0 0 0 0 0 0 100 0 0' }, 'stolen CPU time'],
    ['other work', { '/proc/loadavg': '3.10 1.00 0.50 1/100 1234' }, 'load average'],
    ['used swap', { '/proc/meminfo': 'MemTotal: 1 kB\nSwapTotal: 1000000 kB\nSwapFree: 500000 kB' }, 'swap'],
    [
      'a quota in slices',
      { '/proc/self/cgroup': '0::/', '/sys/fs/cgroup/cpu.max': '150000 100000' },
      'CPU quota',
    ],
    [
      'waiting threads',
      { '/proc/pressure/cpu': 'some avg10=9.0 avg60=20.51 avg300=1.0 total=1' },
      'waiting for a core',
    ],
  ])('include %s, with a remedy', (_, files: Record<string, string>, name) => {
    expect(remedies(files)).toEqual([name]);
  });

  test('a quiet bare-metal machine has none', () => {
    const files = {
      [`${cpu}/cpu0/cpufreq/scaling_governor`]: 'performance',
      [`${cpu}/intel_pstate/no_turbo`]: '1',
      [`${cpu}/cpu0/topology/thread_siblings_list`]: '0',
      '/proc/stat': 'cpu  900 0 0 9000 0 0 0 0 0 0',
      '/proc/loadavg': '0.01 0.00 0.00 1/100 1234',
    };
    expect(remedies(files)).toEqual([]);
  });
});

test('this machine is described in the form of a record', async () => {
  const found = await describeMachine();
  expect(found.cores).toBeGreaterThanOrEqual(1);
  expect(Number.isInteger(found.memoryBytes)).toBe(true);
  expect(found.node).toBe(process.versions.node);
});
