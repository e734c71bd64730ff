import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, Held, hints, outFolder, saveModel, visibleFiles } from './helpers/probe.mjs';

saveModel();
await attempt(`list the runs in ${hints.runs}`, () => {
  const others = readdirSync(hints.runs).filter((name) => name !== process.env.HAET_RUN_ID);
  if (others.length === 0) throw new Held('only its own');
  return others.join(', ');
});
await attempt('list the folders beside its own', () => {
  const found = readdirSync(join(outFolder, '..', '..')).filter((name) => /^\d{4}-\d\d-\d\dT/.test(name));
  const others = found.filter((name) => name !== process.env.HAET_RUN_ID);
  if (others.length === 0) throw new Held('no run of another');
  return others.join(', ');
});
await attempt('find predictions', () => {
  let seen = 0;
  for (const { path, name } of visibleFiles()) {
    seen += 1;
    if (name === 'predictions.npy') return path;
  }
  throw new Held(`not among ${seen} files`);
});
