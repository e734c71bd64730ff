import { type ReadFile, readGrant, readProcessor } from './machine.ts';

/** One line of `haet check-machine`. `remedy` is null if nothing is wrong. */
export interface Finding {
  readonly name: string;
  readonly value: string;
  readonly remedy: string | null;
}

type Check = (read: ReadFile) => Finding | null;
const cpuFolder = '/sys/devices/system/cpu';

/** Checks for causes of unreliable timings; a check returns null if it cannot decide. */
const checks: readonly Check[] = [
  function governor(read) {
    const value = read(`${cpuFolder}/cpu0/cpufreq/scaling_governor`);
    if (value === null) {
      return { name: 'frequency governor', value: 'not visible (usual in a virtual machine)', remedy: null };
    }
    const remedy = value === 'performance' ? null : 'sudo cpupower frequency-set -g performance';
    return { name: 'frequency governor', value, remedy };
  },
  function turbo(read) {
    const noTurbo = read(`${cpuFolder}/intel_pstate/no_turbo`);
    const boost = read(`${cpuFolder}/cpufreq/boost`);
    if (noTurbo === null && boost === null) return null;
    const on = noTurbo === null ? boost === '1' : noTurbo === '0';
    return {
      name: 'turbo',
      value: on ? 'on' : 'off',
      remedy: on
        ? 'clock speed depends on temperature: disable turbo in the firmware or in sysfs for comparable timings'
        : null,
    };
  },
  function siblings(read) {
    const list = read(`${cpuFolder}/cpu0/topology/thread_siblings_list`);
    if (list === null) return null;
    const shared = /[,-]/.test(list);
    return {
      name: 'hyper-threads',
      value: shared ? `two or more share a core (${list})` : 'one per core',
      remedy: shared ? 'pin runs to one processor per core: taskset -c LIST haet ...' : null,
    };
  },
  function virtualMachine(read) {
    const { virtual } = readProcessor(read);
    return {
      name: 'virtual machine',
      value: virtual ? 'yes' : 'no',
      remedy: virtual ? 'other guests may share the cores: repeat timings and compare within one run' : null,
    };
  },
  function steal(read) {
    const times = /^cpu\s+(.+)$/m
      .exec(read('/proc/stat') ?? '')?.[1]
      ?.split(/\s+/)
      .map(Number);
    if (times === undefined) return null;
    // guest times (from the ninth field on) are already included in user time
    const total = times.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0);
    const percent = (100 * (times[7] ?? 0)) / Math.max(1, total);
    return {
      name: 'stolen CPU time',
      value: `${percent.toFixed(1)} % since start-up`,
      remedy: percent > 1 ? 'the host is overcommitted: ask for dedicated cores' : null,
    };
  },
  function load(read) {
    const value = Number(read('/proc/loadavg')?.split(' ')[0]);
    if (Number.isNaN(value)) return null;
    const { cores } = readGrant(read);
    return {
      name: 'load average',
      value: `${value.toFixed(2)} over the last minute`,
      remedy: value > 0.25 * cores ? 'other work is running: stop it before a timed run' : null,
    };
  },
  function swap(read) {
    const memory = read('/proc/meminfo') ?? '';
    const kilobytes = (name: string) =>
      Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(memory)?.[1] ?? Number.NaN);
    const total = kilobytes('SwapTotal');
    if (Number.isNaN(total)) return null;
    const used = total - kilobytes('SwapFree');
    return {
      name: 'swap',
      value: total === 0 ? 'none' : `${Math.round(used / 1024)} of ${Math.round(total / 1024)} MiB used`,
      remedy:
        used > 100 * 1024 ? 'memory ran low: close programs, then sudo swapoff -a && sudo swapon -a' : null,
    };
  },
  function quota(read) {
    const { quota, affinity } = readGrant(read);
    if (quota === null || quota >= affinity) return null;
    return {
      name: 'CPU quota',
      value: `${quota.toFixed(2)} of ${affinity} cores, as a CPU time quota`,
      remedy: 'give the container whole cores (--cpuset-cpus) instead of a share (--cpus)',
    };
  },
  function pressure(read) {
    const percent = /^some avg10=\S+ avg60=(\S+)/m.exec(read('/proc/pressure/cpu') ?? '')?.[1];
    if (percent === undefined) return null;
    return {
      name: 'waiting for a core',
      value: `${percent} % of the last minute`,
      remedy: Number(percent) > 5 ? 'more threads than cores are running: stop other work' : null,
    };
  },
];

/** Lists everything that could make timings on this machine unreliable, one line each. */
export function findDoubts(read: ReadFile): Finding[] {
  return checks.map((check) => check(read)).filter((finding) => finding !== null);
}
