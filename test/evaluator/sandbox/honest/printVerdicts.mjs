// Runs the honest entries in a sandbox and prints, one line per entry, what every sandbox must say alike.
//   node printVerdicts.mjs HAET SANDBOX
// HAET is the folder that haet is installed in. Run it with --sandbox `user` inside the image, and with `process` on the
// machine: the lines must be the same.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { honestEntries } from './entries.mjs';
import { tryHonest } from './trial.mjs';

const [haet = '.', kind = 'process'] = process.argv.slice(2);
/** @param {string} file */
const load = (file) => import(pathToFileURL(resolve(haet, 'dist/evaluator', file)).href);
const { createSandbox, describeMachine, runEntry } = await load('api.js');
const { makeTinyTrack } = await load('selfTest/tinyTrack.js');

const folder = await mkdtemp(join(tmpdir(), 'haet-honest-'));
try {
  await chmod(folder, 0o755);
  const [track, machine] = [await makeTinyTrack(folder), await describeMachine()];
  const sandbox = await createSandbox(kind);
  for (const entry of honestEntries) {
    const { verdict, evidence } = await tryHonest({ runEntry, folder, track, machine }, entry, sandbox);
    console.log(`${entry.does}: ${[verdict, ...evidence].join('; ')}`);
    const isAsExpected =
      verdict === entry.gets &&
      (entry.because === undefined || evidence.some((each) => entry.because?.test(each)));
    if (!isAsExpected) process.exitCode = 1;
  }
} finally {
  await rm(folder, { recursive: true });
}
