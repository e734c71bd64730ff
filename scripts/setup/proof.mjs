import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readDriver } from './driver.mjs';
import { SetupFailure } from './failure.mjs';
import { libraryFolder } from './library.mjs';
import { cacheFolder, root } from './paths.mjs';
import { pinnedLibrary } from './pins.mjs';
import { megabytes, say } from './report.mjs';
import { run } from './run.mjs';

/** Increased when the proof changes, so that machines are proved again. */
const proofVersion = 1;

const program = join(root, 'dist/submission/gpuProof/main.js');
const verdicts = () => join(cacheFolder(), 'gpu-verdicts');
const again = 'HAET_DEVICE=gpu npm run setup';

/**
 * The result of a proof, as it is kept in the cache.
 * @typedef {object} Kept
 * @property {boolean} passed
 * @property {string} sentence
 * @property {string} library  the folder of the library that was proved
 */

/** Returns the file of the verdict on this driver, these GPUs and the pinned library: another of them is proved anew. */
function verdictFile(driver) {
  const { wheels } = pinnedLibrary('gpu');
  const key = JSON.stringify([proofVersion, driver, wheels.map(({ sha256 }) => sha256)]);
  return join(verdicts(), `${createHash('sha256').update(key).digest('hex').slice(0, 16)}.json`);
}

/**
 * Returns the verdict of an earlier set-up; null without one.
 * @param {import('./driver.mjs').Driver | null} driver
 * @returns {Kept | null}
 */
export function recallVerdict(driver) {
  return driver === null ? null : readVerdict(verdictFile(driver));
}

function readVerdict(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/** Keeps a verdict. A cache that somebody else owns does not get it: every set-up then proves the GPU again. */
function keepVerdict(passed, sentence, library) {
  const driver = readDriver();
  if (driver === null) return;
  const file = verdictFile(driver);
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.partial`, JSON.stringify({ passed, sentence, library, driver, date: new Date() }));
    renameSync(`${file}.partial`, file);
  } catch (error) {
    say(`the result of the check of the GPU could not be kept (${error.message})`);
  }
}

export const gpuIsProved = () => recallVerdict(readDriver())?.passed === true;

/** Says what is about to be downloaded and how to avoid it. */
export function announceGpuBuild() {
  const { wheels, unpackedBytes } = pinnedLibrary('gpu');
  const download = wheels.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  say(
    `an NVIDIA GPU was found, so TensorFlow's build for it is used: ${megabytes(download)} to download, ${megabytes(unpackedBytes)} on the disk (for the CPU's, stop with Ctrl-C and set HAET_DEVICE=cpu)`,
  );
}

/**
 * Computes every block of the network on the GPU and on the CPU, compares the results, and keeps the verdict if they
 * agree.
 * @param {number[]} locks
 */
export async function proveGpu(locks) {
  const library = pinnedLibrary('gpu');
  say('GPU: computing every block of the network on it and on the CPU ...');
  const words = [program, ...(library.proofSeconds ? [String(library.proofSeconds)] : [])];
  const { status, output } = await run(process.execPath, words, { locks });
  const verdict = parseVerdict(output);
  if (verdict === null) {
    const line = output.split('\n').find((text) => /Error/.test(text)) ?? `exit status ${status}`;
    throw new SetupFailure(`The check of the GPU failed (${line.trim()}): report this line.`);
  }
  const { failure, compared, largest } = verdict;
  if (failure !== null) {
    throw new SetupFailure(
      `TensorFlow does not work on this GPU, because ${failure.why}: ${failure.remedy}, or set HAET_DEVICE=cpu.`,
    );
  }
  const percent = Number((100 * largest.difference).toPrecision(2));
  const sentence = `${compared} results agree with the CPU's; the largest difference is ${percent} %, of the ${largest.result}`;
  keepVerdict(true, sentence, libraryFolder('gpu', library));
  say(`GPU: ${sentence}`);
}

/** @returns {import('../../submission/gpuProof/verdict.ts').Verdict | null} */
function parseVerdict(output) {
  try {
    return JSON.parse(output.trim().split('\n').at(-1));
  } catch {
    return null;
  }
}

/**
 * Uses the CPU's library after the GPU's failed. Keeps the verdict when everything is ready, so that a failure that also
 * prevents the CPU's library is not blamed on the GPU. Removes the GPU's library, 6 GB, unless it works elsewhere: a
 * cache may be shared by several machines.
 * @param {string} sentence  why it failed
 * @param {() => Promise<void>} makeCpuReady
 */
export async function useCpuInstead(sentence, makeCpuReady) {
  say(`the CPU is used: ${sentence}`);
  const library = pinnedLibrary('gpu');
  const folder = libraryFolder('gpu', library);
  if (!provedElsewhere(folder)) {
    rmSync(folder, { recursive: true, force: true });
    for (const { file } of library.wheels) {
      for (const name of [file, `${file}.partial`]) {
        rmSync(join(cacheFolder(), 'downloads', name), { force: true });
      }
    }
  }
  await makeCpuReady();
  keepVerdict(false, sentence, folder);
  say(`this is remembered until the driver, the GPU or the library changes; to try the GPU again: ${again}`);
}

function provedElsewhere(folder) {
  if (!existsSync(verdicts())) return false;
  return readdirSync(verdicts())
    .map((name) => readVerdict(join(verdicts(), name)))
    .some((verdict) => verdict?.passed === true && verdict.library === folder);
}
