import { readFileSync } from 'node:fs';
import { attempt, Held, visibleFiles } from './helpers/probe.mjs';

await attempt('find test images', () => {
  let seen = 0;
  for (const { path, name, entry } of visibleFiles()) {
    seen += 1;
    if (name === 'haet-escape-images') return path;
    if (name !== 'images.npy' || !entry.isFile()) continue;
    if (readFileSync(path).subarray(0, 128).includes('(1000,')) return path;
  }
  throw new Held(`not among ${seen} files`);
});
