import { existsSync, readFileSync } from 'node:fs';
import { SetupFailure } from './failure.mjs';

/** The oldest NVIDIA driver that runs CUDA 12 (CUDA release notes, "minor version compatibility"). */
const oldestDriver = 525;

/** Facts that decide the choice. */
const thisMachine = {
  /** @returns {string | null} the NVIDIA driver's version, "" if a driver does not report it, null without a driver */
  nvidiaDriver() {
    try {
      return (
        /Kernel Module\D*?(\d+\.\d+[.\d]*)/.exec(readFileSync('/proc/driver/nvidia/version', 'utf8'))?.[1] ??
        ''
      );
    } catch {
      return existsSync('/usr/lib/wsl/lib/libcuda.so.1') ? '' : null;
    }
  },
};

/**
 * Returns which libtensorflow to use: HAET_DEVICE=cpu|gpu, or by default (auto) the GPU's if a usable NVIDIA driver is
 * found.
 * @param {NodeJS.ProcessEnv} env
 * @param {typeof thisMachine} machine
 * @returns {'cpu' | 'gpu'}
 */
export function chooseDevice(env = process.env, machine = thisMachine) {
  const wish = env.HAET_DEVICE || 'auto';
  if (!['cpu', 'gpu', 'auto'].includes(wish)) {
    throw new SetupFailure(`HAET_DEVICE is "${wish}": set it to cpu, gpu or auto.`);
  }
  if (wish === 'cpu') return 'cpu';
  const driver = machine.nvidiaDriver();
  const tooOld = driver !== null && driver !== '' && Number.parseInt(driver, 10) < oldestDriver;
  if (wish === 'auto') return driver !== null && !tooOld ? 'gpu' : 'cpu';
  if (driver === null) {
    throw new SetupFailure(
      'HAET_DEVICE is gpu but no NVIDIA driver was found: install one and check it with nvidia-smi, or set HAET_DEVICE=cpu.',
    );
  }
  if (tooOld) {
    throw new SetupFailure(
      `The NVIDIA driver ${driver} is too old for CUDA 12: update it to ${oldestDriver} or newer, or set HAET_DEVICE=cpu.`,
    );
  }
  return 'gpu';
}
