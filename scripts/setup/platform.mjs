import { SetupFailure } from './failure.mjs';

/** The oldest glibc that the pinned libtensorflow runs on: the 2_27 in its wheel's name. */
const oldestGlibc = [2, 27];

/** The processors that libtensorflow is pinned for, as in process.arch, and what people call them. */
const processors = { x64: 'x86-64', arm64: 'arm64' };

/** Returns what people call a processor. @param {string} cpu as in process.arch */
export const processorName = (cpu = process.arch) => processors[cpu] ?? cpu;

/** @param {{ system: string, cpu: string }} platform */
export const otherPlatform = ({ system, cpu }) =>
  new SetupFailure(
    `libtensorflow is pinned for Linux on ${Object.values(processors).join(' and on ')}, and this is ${system} on ${cpu}: use such a machine, a virtual one or a container.`,
  );

/** Facts about the machine. glibc is absent on musl systems such as Alpine. */
export function thisPlatform() {
  process.report.excludeNetwork = true;
  const glibc = process.report.getReport().header.glibcVersionRuntime ?? null;
  return { system: process.platform, cpu: process.arch, glibc };
}

/**
 * Throws if there is no libtensorflow for this machine.
 * @param {{ system: string, cpu: string, glibc: string | null }} platform
 */
export function checkPlatform({ system, cpu, glibc }) {
  if (system !== 'linux' || processors[cpu] === undefined) throw otherPlatform({ system, cpu });
  if (glibc === null) {
    throw new SetupFailure(
      'libtensorflow needs glibc and this system uses another C library: use a Debian, Ubuntu or Fedora image instead of Alpine.',
    );
  }
  const [major, minor] = glibc.split('.').map(Number);
  if (major < oldestGlibc[0] || (major === oldestGlibc[0] && minor < oldestGlibc[1])) {
    throw new SetupFailure(
      `libtensorflow needs glibc ${oldestGlibc.join('.')} or newer and this system has ${glibc}: use Debian 10, Ubuntu 18.04 or anything newer.`,
    );
  }
}
