import { join } from 'node:path';
import { bindingIsReady, buildBinding } from './binding.mjs';
import { build, buildIsReady } from './build.mjs';
import { chooseDevice } from './device.mjs';
import { explainSystemError, SetupFailure } from './failure.mjs';
import { installLibrary, libraryFolder, libraryIsReady } from './library.mjs';
import { takeLock } from './lock.mjs';
import { buildNativeOps, nativeOpsAreReady } from './nativeOps.mjs';
import { installPackages, packagesAreReady } from './packages.mjs';
import { root } from './paths.mjs';
import { pinnedLibrary } from './pins.mjs';
import { announceGpuBuild, gpuIsProved, proveGpu, useCpuInstead } from './proof.mjs';
import { buildQuietLoad, quietLoadIsReady } from './quietLoad.mjs';
import { say } from './report.mjs';

/** Options that leave steps out, for the layers of an image: what our sources change, and what needs a GPU. */
const leftOut = {
  '--dependencies': ['build', 'quietLoad', 'nativeOps', 'proof'],
  '--without-proof': ['proof'],
};
/** @type {string[]} */
const omitted = leftOut[process.argv[2]] ?? [];

/**
 * Runs the steps that are not done yet, in order, and prints nothing if there are none. Each step checks whether its
 * result exists and is complete, and puts its result in place atomically, so the next run resumes after a kill. Exits
 * with status 2 and one sentence if a step cannot continue.
 */
export async function setUp() {
  try {
    const { device, note, mayFallBack } = chooseDevice({ gpuIsElsewhere: omitted.includes('proof') });
    const common = wanted(commonSteps);
    const steps = wanted(deviceSteps(device));
    if ([...common, ...steps].every((step) => step.isReady())) return;

    const started = performance.now();
    const locks = [takeLock(join(root, '.setup.lock'))];
    if (note !== null) say(note);
    await makeReady(common, locks);
    try {
      await makeReady(steps, locks);
    } catch (error) {
      const sentence = explain(error);
      if (!mayFallBack || sentence === null) throw error;
      await useCpuInstead(sentence, () => makeReady(wanted(deviceSteps('cpu')), locks));
    }
    say(`ready after ${Math.round((performance.now() - started) / 1000)} s`);
  } catch (error) {
    const sentence = explain(error);
    say(sentence ?? `internal error; please report this: ${error.stack}`);
    process.exitCode = sentence === null ? 1 : 2;
  }
}

const commonSteps = {
  packages: { isReady: packagesAreReady, make: installPackages },
  build: { isReady: buildIsReady, make: build },
};

/** Returns the steps that depend on the device. @param {'cpu' | 'gpu'} device */
function deviceSteps(device) {
  const library = pinnedLibrary(device);
  const folder = libraryFolder(device, library);
  return {
    library: {
      isReady: () => libraryIsReady(folder),
      make(locks) {
        if (device === 'gpu') announceGpuBuild();
        return installLibrary(device, library, locks);
      },
    },
    binding: { isReady: () => bindingIsReady(folder), make: (locks) => buildBinding(folder, locks) },
    quietLoad: { isReady: () => quietLoadIsReady(folder), make: (locks) => buildQuietLoad(folder, locks) },
    nativeOps: { isReady: () => nativeOpsAreReady(folder), make: (locks) => buildNativeOps(folder, locks) },
    ...(device === 'gpu' && { proof: { isReady: gpuIsProved, make: proveGpu } }),
  };
}

const wanted = (steps) =>
  Object.entries(steps)
    .filter(([name]) => !omitted.includes(name))
    .map(([, step]) => step);

async function makeReady(steps, locks) {
  for (const step of steps) if (!step.isReady()) await step.make(locks);
}

/** Returns the sentence for an error; null for an error of our own. */
const explain = (error) =>
  error instanceof SetupFailure ? error.message : explainSystemError(error, error.path ?? root);
