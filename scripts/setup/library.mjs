import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quoteLine, SetupFailure, tellingLine } from './failure.mjs';
import { fetchWheel } from './fetchWheel.mjs';
import { takeLock } from './lock.mjs';
import { cacheFolder } from './paths.mjs';
import { checkPlatform, thisPlatform } from './platform.mjs';
import { explainPython, isolated } from './python.mjs';
import { megabytes, say } from './report.mjs';
import { run } from './run.mjs';
import { explainSystemError } from './systemError.mjs';

const libraries = ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'];
/** @type {number | undefined} */
let cacheLock;

const unpackWheel = fileURLToPath(new URL('unpackWheel.py', import.meta.url));

/**
 * Returns the folder of a device's libtensorflow: `tensorflow/` with libraries and headers, and `nvidia/` for a GPU.
 * @param {'cpu' | 'gpu'} device
 * @param {import('./pins.mjs').Library} library
 */
export function libraryFolder(device, library) {
  return join(
    cacheFolder(),
    'libtensorflow',
    `${library.version}-${device}-${library.wheels[0].sha256.slice(0, 8)}`,
  );
}

/**
 * Returns whether the library is complete. The folder is renamed into place when it is complete; later damage shows in
 * the sizes of the libraries, which are recorded.
 * @param {string} folder
 */
export function libraryIsReady(folder) {
  try {
    const sizes = JSON.parse(readFileSync(join(folder, 'sizes.json'), 'utf8'));
    return libraries.every((file) => statSync(join(folder, file)).size === sizes[file]);
  } catch {
    return false;
  }
}

/**
 * Downloads the wheels of a library, checks them, unpacks the needed files, and removes the wheels.
 * @param {'cpu' | 'gpu'} device
 * @param {import('./pins.mjs').Library} library
 * @param {number[]} locks
 */
export async function installLibrary(device, library, locks) {
  const cache = cacheFolder();
  // A set-up may install two libraries. A second lock on the file would wait for the first.
  cacheLock ??= await takeLock(join(cache, 'setup.lock'));
  const folder = libraryFolder(device, library);
  if (libraryIsReady(folder)) return;
  checkPlatform(thisPlatform());
  if (folder.includes(':')) {
    throw new SetupFailure(
      `The cache folder ${cache} has a colon in its path, where the loader of libraries ends a path: set HAET_CACHE to one without, and run the command again.`,
    );
  }

  const partial = `${folder}.partial`;
  const downloads = join(cache, 'downloads');
  removeLeftovers(join(cache, 'libtensorflow'), folder);
  checkRoom(library, cache, downloads);
  say(`libtensorflow ${library.version} (${device.toUpperCase()}) goes into ${folder}`);
  const wheels = [];
  for (const wheel of library.wheels) {
    wheels.push(await fetchWheel(wheel, downloads, { locks: [...locks, cacheLock] }));
  }
  for (const [index, file] of wheels.entries()) {
    say(`${library.wheels[index].name}: unpacking ...`);
    await unpack(file, library.wheels[index], partial, [...locks, cacheLock]);
  }
  const sizes = Object.fromEntries(libraries.map((file) => [file, statSync(join(partial, file)).size]));
  writeFileSync(join(partial, 'sizes.json'), JSON.stringify(sizes));
  renameSync(partial, folder);
  for (const file of wheels) rmSync(file);
}

/** Removes leftovers of a killed run, and a damaged folder of this library. */
function removeLeftovers(parent, folder) {
  mkdirSync(parent, { recursive: true });
  for (const name of readdirSync(parent)) {
    if (name.endsWith('.partial')) rmSync(join(parent, name), { recursive: true });
  }
  rmSync(folder, { recursive: true, force: true });
}

/** Throws if the disk has too little space, before anything is downloaded. Existing downloads need none. */
function checkRoom(library, cache, downloads) {
  const missing = library.wheels.filter((wheel) => !existsSync(join(downloads, wheel.file)));
  const need = missing.reduce((sum, wheel) => sum + (wheel.bytes ?? 0), library.unpackedBytes);
  const { bavail, bsize } = statfsSync(cache);
  if (bavail * bsize >= need) return;
  throw new SetupFailure(
    `The disk that holds ${cache} is too full: libtensorflow needs ${megabytes(need)} there and ${megabytes(bavail * bsize)} are free, so free some space or point HAET_CACHE at another disk, and run the command again.`,
  );
}

async function unpack(file, wheel, folder, locks) {
  const words = [...isolated, unpackWheel, file, folder, ...wheel.unpack];
  const result = await run('python3', words, { locks });
  if (result.status === 0) return;
  rmSync(folder, { recursive: true, force: true });
  const reason = quoteLine(tellingLine(result.output, /^\w*(?:Error|BadZipFile): /) ?? 'no reason given');
  throw new SetupFailure(
    explainPython(result, folder) ??
      explainSystemError(result.output, folder) ??
      `${file} could not be unpacked (${reason}): delete it and run the command again.`,
  );
}
