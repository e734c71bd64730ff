import { join } from 'node:path';
import { bindingIsReady, buildBinding } from './binding.mjs';
import { build, buildIsReady } from './build.mjs';
import { chooseDevice } from './device.mjs';
import { SetupFailure } from './failure.mjs';
import { installLibrary, libraryFolder, libraryIsReady } from './library.mjs';
import { takeLock } from './lock.mjs';
import { buildNativeOps, nativeOpsAreReady } from './nativeOps.mjs';
import { installPackages, packagesAreReady } from './packages.mjs';
import { isClone, root, runtimeFolder } from './paths.mjs';
import { pinnedLibrary } from './pins.mjs';
import { preflight } from './preflight.mjs';
import { announceGpuBuild, gpuIsProved, proveGpu, useCpuInstead } from './proof.mjs';
import { buildQuietLoad, quietLoadIsReady } from './quietLoad.mjs';
import { say, watchWaiting } from './report.mjs';
import { copySubmission, submissionIsReady } from './submission.mjs';
import { explainSwallowed } from './swallowedOptions.mjs';
import { explainSystemError } from './systemError.mjs';

/** What entries need. */
const runtime = ['submission', 'packages', 'library', 'binding', 'quietLoad', 'nativeOps'];
/** Options that run a part of the steps. An image is built in layers, where no GPU is. */
const parts = {
  // What does not depend on our sources.
  '--dependencies': ['packages', 'library'],
  '--without-proof': [...runtime, 'build'],
  // What `npm run pack` puts into an archive.
  '--compiled': ['packages', 'build'],
  // Without replacing the evaluator that asks for it.
  '--runtime': [...runtime, 'proof'],
};
/** @type {string[]} */
const chosen = parts[process.argv[2]] ?? [...runtime, 'build', 'proof'];

/**
 * Runs the steps that are not done yet, in order, and prints nothing if there are none. Each step checks whether its
 * result exists and is complete, and puts its result in place atomically, so the next run resumes after a kill. Exits
 * with status 2 and one sentence if a step cannot continue.
 */
export async function setUp() {
  const stopWatching = watchWaiting();
  // A sandbox runs entries as another user, who must be able to read what is made here.
  process.umask(0o022);
  try {
    const swallowed = explainSwallowed(process.env, join(root, 'package.json'));
    if (swallowed !== null) throw new SetupFailure(swallowed);
    const { device, note, mayFallBack } = chooseDevice({ gpuIsElsewhere: !chosen.includes('proof') });
    const common = wanted(commonSteps);
    const steps = wanted(deviceSteps(device));
    const pending = Object.entries({ ...common, ...steps })
      .filter(([, step]) => !step.isReady())
      .map(([name]) => name);
    if (pending.length === 0) return;

    await preflight({
      library: pending.includes('library') ? pinnedLibrary(device) : null,
      compiler: ['binding', 'quietLoad', 'nativeOps'].some((name) => pending.includes(name)),
    });
    const started = performance.now();
    const locks = [await takeLock(join(runtimeFolder(), '.setup.lock'))];
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
  } finally {
    stopWatching();
  }
}

const commonSteps = {
  ...(!isClone && { submission: { isReady: submissionIsReady, make: copySubmission } }),
  packages: { isReady: packagesAreReady, make: installPackages },
  ...(isClone && { build: { isReady: buildIsReady, make: build } }),
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

const wanted = (steps) => Object.fromEntries(Object.entries(steps).filter(([name]) => chosen.includes(name)));

async function makeReady(steps, locks) {
  for (const step of Object.values(steps)) if (!step.isReady()) await step.make(locks);
}

/** Returns the sentence for an error; null for an error of our own. */
const explain = (error) =>
  error instanceof SetupFailure ? error.message : explainSystemError(error, error.path ?? root);
