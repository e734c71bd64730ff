import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { attempt, Held, hints, visibleFiles } from './helpers/probe.mjs';

await attempt('write a better model', () =>
  writeFileSync(join(process.env.HAET_MODEL_DIR, 'model'), 'trained on'),
);
const near = dirname(process.env.HAET_TEST_IMAGES);
const guesses = [join(dirname(hints.labels), 'train'), join(near, 'train'), join(near, '..', 'train')];
for (const folder of guesses) {
  await attempt(`read ${folder}`, () => void readFileSync(join(folder, 'labels.npy')));
}
await attempt('find the training data', () => {
  let seen = 0;
  for (const { path, name } of visibleFiles()) {
    seen += 1;
    if (name === 'labels.npy') return path;
  }
  throw new Held(`not among ${seen} files`);
});
