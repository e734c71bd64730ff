import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const askDriver = fileURLToPath(new URL('askDriver.py', import.meta.url));
const askMilliseconds = 60_000;

/**
 * @typedef {object} Driver
 * @property {string} version  "" if the driver does not report it
 * @property {string[]} gpus  their models, none if the driver does not list them
 */

/**
 * Reads what the NVIDIA driver's files say, without starting anything. HAET_NVIDIA_DRIVER names a folder that is read in
 * place of /proc/driver/nvidia: with it, set-up is tested on machines without a GPU.
 * @returns {Driver | null} null without a driver
 */
export function readDriver(env = process.env) {
  const folder = env.HAET_NVIDIA_DRIVER || '/proc/driver/nvidia';
  try {
    const text = readFileSync(join(folder, 'version'), 'utf8');
    const version = /Kernel Module\D*?(\d+\.\d+[.\d]*)/.exec(text)?.[1] ?? '';
    return { version, gpus: readModels(join(folder, 'gpus')) };
  } catch {
    return existsSync('/usr/lib/wsl/lib/libcuda.so.1') ? { version: '', gpus: [] } : null;
  }
}

function readModels(folder) {
  try {
    return readdirSync(folder)
      .sort()
      .map(
        (gpu) => /^Model:\s*(.+)$/m.exec(readFileSync(join(folder, gpu, 'information'), 'utf8'))?.[1] ?? '',
      );
  } catch {
    return [];
  }
}

/**
 * Asks the driver for its GPUs, in a child process. The driver's files also exist where no GPU can be used: in a container
 * that was started without one, or after an update of the driver until the machine is restarted.
 * @returns {{ gpus: string[], fault: null } | { gpus: [], fault: string }} `fault`: what is wrong and what to do, as a
 *   clause; null too if nothing can be asked
 */
export function findGpus(env = process.env) {
  const { status, signal, stdout, error } = spawnSync('python3', ['-I', askDriver], {
    env,
    encoding: 'utf8',
    timeout: askMilliseconds,
    killSignal: 'SIGKILL',
  });
  const container = 'in a container, start it with --gpus all';
  if (error?.code === 'ETIMEDOUT') {
    return fault(`the driver did not answer within ${askMilliseconds / 1000} s: restart the machine`);
  }
  if (status === null && signal) {
    return fault(`asking the driver ended with ${signal}: update the driver`);
  }
  let answer;
  try {
    answer = JSON.parse(stdout);
  } catch {
    // Without python3 set-up cannot continue, and says so when it takes its lock.
    return { gpus: [], fault: null };
  }
  if (answer.library) {
    return fault(
      `the driver's library does not load (${answer.library}): ${container}; elsewhere, install the driver's CUDA library`,
    );
  }
  if (answer.driver) {
    const remedy = /NO_DEVICE/.test(answer.driver)
      ? `${container}, and unset CUDA_VISIBLE_DEVICES`
      : /MISMATCH/.test(answer.driver)
        ? 'restart the machine'
        : 'check it with nvidia-smi';
    return fault(`the driver reports ${answer.driver}: ${remedy}`);
  }
  if (answer.gpus.length === 0) return fault(`the driver lists no GPU: ${container}`);
  return { gpus: answer.gpus, fault: null };
}

/** @returns {{ gpus: [], fault: string }} */
const fault = (text) => ({ gpus: [], fault: text });
