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
import { preflight } from './preflight.mjs';
import { buildQuietLoad, quietLoadIsReady } from './quietLoad.mjs';
import { say, watchWaiting } from './report.mjs';
import { explainSwallowed } from './swallowedOptions.mjs';

/**
 * Runs the steps that are not done yet, in order, and prints nothing if there are none. Each step checks whether its
 * result exists and is complete, and puts its result in place atomically, so the next run resumes after a kill. Exits
 * with status 2 and one sentence if a step cannot continue.
 */
export async function setUp() {
  const stopWatching = watchWaiting();
  try {
    const swallowed = explainSwallowed(process.env, join(root, 'package.json'));
    if (swallowed !== null) throw new SetupFailure(swallowed);
    const device = chooseDevice();
    const library = pinnedLibrary(device);
    const folder = libraryFolder(device, library);
    const all = {
      packages: { isReady: packagesAreReady, make: installPackages },
      library: {
        isReady: () => libraryIsReady(folder),
        make: (locks) => installLibrary(device, library, locks),
      },
      binding: { isReady: () => bindingIsReady(folder), make: (locks) => buildBinding(folder, locks) },
      quietLoad: { isReady: () => quietLoadIsReady(folder), make: (locks) => buildQuietLoad(folder, locks) },
      nativeOps: { isReady: () => nativeOpsAreReady(folder), make: (locks) => buildNativeOps(folder, locks) },
      build: { isReady: buildIsReady, make: build },
    };
    // An image is built in layers: parts that do not depend on our sources come first.
    const names = Object.keys(all).slice(0, process.argv.includes('--dependencies') ? -3 : undefined);
    const pending = names.filter((name) => !all[name].isReady());
    if (pending.length === 0) return;

    await preflight({
      library: pending.includes('library') ? library : null,
      compiler: ['binding', 'quietLoad', 'nativeOps'].some((name) => pending.includes(name)),
    });
    const started = performance.now();
    const locks = [takeLock(join(root, '.setup.lock'))];
    for (const name of names) if (!all[name].isReady()) await all[name].make(locks);
    say(`ready after ${Math.round((performance.now() - started) / 1000)} s`);
  } catch (error) {
    const sentence =
      error instanceof SetupFailure ? error.message : explainSystemError(error, error.path ?? root);
    say(sentence ?? `internal error; please report this: ${error.stack}`);
    process.exitCode = sentence === null ? 1 : 2;
  } finally {
    stopWatching();
  }
}
