// Runs an honest entry in a sandbox. Imports nothing of the evaluator: tests give it the sources, printVerdicts.mjs what is
// installed in an image.
import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { predict, save } from './entries.mjs';

/** @import { HonestEntry } from './entries.mjs' */
/** @import { RunPlan, runEntry } from '../../../../evaluator/run/runEntry.ts' */
/** @import { Sandbox } from '../../../../evaluator/sandbox/sandbox.ts' */

/**
 * Returns what every sandbox must say alike of an entry.
 * @param {{ runEntry: typeof runEntry, folder: string, track: RunPlan['track'], machine: RunPlan['machine'] }} bench
 * @param {HonestEntry} entry
 * @param {Sandbox} sandbox
 */
export async function tryHonest({ runEntry, folder, track, machine }, entry, { pageCache, ...sandbox }) {
  // A long path, as `haet grade` has for its runs, with characters that mean something to Docker and to shells.
  const runsFolder = join(folder, `a, "long": $name of ${'words '.repeat(12)}`, sandbox.kind);
  await mkdir(runsFolder, { recursive: true });
  const plan = {
    ...{ entryPath: await write(folder, entry), track, runsFolder, seed: 1, machine },
    ...{ cpus: 1, memoryBytes: 2 ** 29 },
    limits: { trainSeconds: 20, predictSeconds: 20, ...entry.limits },
  };
  // The page cache is not dropped: with cold files every run would take several times as long.
  const { verdict, evidence } = await runEntry(plan, sandbox);
  return { verdict, evidence: evidence.filter(isAboutTheEntry).map(alike) };
}

/** @param {string} folder @param {HonestEntry} entry */
async function write(folder, entry) {
  const path = await mkdtemp(join(folder, 'entry-'));
  const manifest = {
    ...{ schemaVersion: 1, name: 'Honest', team: 'tests' },
    ...{ train: ['sh', 'train.sh'], predict: ['sh', 'predict.sh'], ...entry.manifest },
  };
  const files = {
    'haet.json': JSON.stringify(manifest),
    'train.sh': entry.train ?? save,
    'predict.sh': entry.predict ?? predict,
    'constant.npy': constantPredictions(1000),
    ...entry.files,
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
  if (entry.executable !== undefined) await chmod(join(path, entry.executable), 0o755);
  await chmod(path, 0o755);
  return path;
}

/** Returns an .npy file that gives class 0 the highest score in every row. @param {number} rows */
function constantPredictions(rows) {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, 10), }`.padEnd(117);
  const scores = new Float32Array(rows * 10).map((_, at) => (at % 10 === 0 ? 5 : 0));
  const start = Buffer.from(`\x93NUMPY\x01\x00v\x00${header}\n`, 'latin1');
  return Buffer.concat([start, Buffer.from(scores.buffer)]);
}

/** Other work on this machine is not the entry's. @param {string} sentence */
const isAboutTheEntry = (sentence) => !/disturbed|other work/.test(sentence);

/**
 * Removes times and PATH.
 * @param {string} sentence
 */
const alike = (sentence) =>
  sentence.replace(/after [\d.]+ s/, 'after some time').replace(/ on PATH \(.*\)/, '');
