import { findGpus, readDriver } from './driver.mjs';
import { SetupFailure } from './failure.mjs';
import { hasGpuLibrary } from './pins.mjs';
import { processorName } from './platform.mjs';
import { recallVerdict } from './proof.mjs';

/** The oldest NVIDIA driver that runs CUDA 12 (CUDA release notes, "minor version compatibility"). */
const oldestDriver = 525;

/** Facts that decide the choice. */
const thisMachine = { processor: /** @type {string} */ (process.arch), readDriver, findGpus, recallVerdict };

/**
 * @typedef {object} Choice
 * @property {'cpu' | 'gpu'} device
 * @property {string | null} note  a sentence for the user
 * @property {boolean} mayFallBack  whether the CPU's library is used if the GPU's fails
 */

/** @type {(device: 'cpu' | 'gpu', more?: Partial<Choice>) => Choice} */
const use = (device, more) => ({ device, note: null, mayFallBack: false, ...more });

/**
 * Chooses libtensorflow: HAET_DEVICE=cpu|gpu, or by default (auto) the GPU's if the NVIDIA driver shows a GPU and the
 * library has not failed on it before.
 * @param {{ env?: NodeJS.ProcessEnv, machine?: typeof thisMachine, gpuIsElsewhere?: boolean }} options
 *   `gpuIsElsewhere`: HAET_DEVICE=gpu needs no driver here, because what is set up runs on another machine
 * @returns {Choice}
 */
export function chooseDevice({ env = process.env, machine = thisMachine, gpuIsElsewhere = false } = {}) {
  const wish = env.HAET_DEVICE || 'auto';
  if (!['cpu', 'gpu', 'auto'].includes(wish)) {
    throw new SetupFailure(`HAET_DEVICE is "${wish}": set it to cpu, gpu or auto.`);
  }
  if (wish === 'cpu') return use('cpu');
  const isAuto = wish === 'auto';
  const lacksLibrary = hasGpuLibrary(machine.processor, env)
    ? null
    : `there is no libtensorflow for GPUs on ${processorName(machine.processor)}`;
  if (!isAuto && lacksLibrary !== null) {
    throw new SetupFailure(`HAET_DEVICE is gpu but ${lacksLibrary}: set HAET_DEVICE=cpu.`);
  }
  if (!isAuto && gpuIsElsewhere) return use('gpu');
  if (isAuto && hidesGpus(env)) return use('cpu');
  const driver = machine.readDriver(env);
  if (driver === null) {
    if (isAuto) return use('cpu');
    throw new SetupFailure(
      'HAET_DEVICE is gpu but no NVIDIA driver was found: install one and check it with nvidia-smi, or set HAET_DEVICE=cpu.',
    );
  }
  const fault = lacksLibrary ?? faultOf(driver, env, machine);
  if (fault !== null && isAuto) {
    return use('cpu', { note: `An NVIDIA driver was found, but the CPU is used: ${fault}.` });
  }
  if (fault !== null) {
    throw new SetupFailure(`HAET_DEVICE is gpu but ${fault}; or set HAET_DEVICE=cpu.`);
  }
  const verdict = machine.recallVerdict(driver);
  if (isAuto && verdict?.passed === false) return use('cpu');
  return use('gpu', { mayFallBack: isAuto });
}

/** Returns what prevents the use of a GPU before anything is downloaded; null if nothing does. */
function faultOf(driver, env, machine) {
  const isTooOld = driver.version !== '' && Number.parseInt(driver.version, 10) < oldestDriver;
  if (isTooOld) {
    return `the NVIDIA driver ${driver.version} is too old for CUDA 12: update it to ${oldestDriver} or newer`;
  }
  // A second set-up starts no program.
  return machine.recallVerdict(driver) === null ? machine.findGpus(env).fault : null;
}

/** Returns whether the user hides all GPUs from CUDA. */
const hidesGpus = ({ CUDA_VISIBLE_DEVICES: visible }) => visible === '' || /^-1\b/.test(visible ?? '');
