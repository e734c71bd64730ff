import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { attempt, Held, hints, visibleFiles } from './helpers/probe.mjs';

/** The training labels have the same name but a different length. */
function requireWithheld(path) {
  if (!readFileSync(path).includes('(1000,)')) throw new Held('not the withheld ones');
  return path;
}

const given = process.env.HAET_TEST_IMAGES ?? process.env.HAET_TRAIN_DIR;
const guesses = [
  hints.labels,
  join(dirname(given), 'labels.npy'),
  join(dirname(given), '..', 'labels.npy'),
  join(dirname(given), '..', 'track', 'labels.npy'),
  join(process.env.HAET_OUT_DIR, '..', '..', '..', 'track', 'labels.npy'),
  `/proc/1/root${hints.labels}`,
  `/proc/${hints.bystander.pid}/root${hints.labels}`,
  `/proc/${hints.evaluator}/root${hints.labels}`,
];
for (const path of guesses) await attempt(`read ${path}`, () => requireWithheld(path));
await attempt('find them', () => {
  let seen = 0;
  for (const { path, name, entry } of visibleFiles()) {
    seen += 1;
    if (!entry.isFile() || (name !== 'labels.npy' && !name.startsWith('withheld'))) continue;
    try {
      return requireWithheld(path);
    } catch {
      // not readable, or other labels
    }
  }
  throw new Held(`not among ${seen} files`);
});
