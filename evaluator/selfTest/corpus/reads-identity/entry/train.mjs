import { readdirSync, readFileSync } from 'node:fs';
import { attempt, Held, hints, saveModel, visibleFiles } from './helpers/probe.mjs';

saveModel();
await attempt(`list ${hints.canary}`, () => void readdirSync(hints.canary));
await attempt(`read ${hints.identity}`, () => void readFileSync(hints.identity));
await attempt('find it in the environment', () => {
  const found = Object.entries(process.env).find(([, value]) => /AGE-SECRET-KEY-1/.test(value));
  if (found === undefined) throw new Held('no variable holds a key');
  return found[0];
});
await attempt('find it', () => {
  let seen = 0;
  for (const { path, name, entry } of visibleFiles()) {
    seen += 1;
    if (!entry.isFile() || !/identity|secret|key|\.age$/i.test(name)) continue;
    try {
      if (/AGE-SECRET-KEY-1/.test(readFileSync(path, 'latin1').slice(0, 10_000))) return path;
    } catch {
      // not readable
    }
  }
  throw new Held(`not among ${seen} files`);
});
