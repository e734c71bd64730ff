import { mkdirSync } from 'node:fs';
import { outFolder, saveModel } from './helpers/probe.mjs';

saveModel();
const name = 'deep'.repeat(50);
for (const start of [outFolder, process.env.HAET_WORK_DIR]) {
  process.chdir(start);
  for (let depth = 0; depth < 40; depth++) {
    mkdirSync(name);
    try {
      process.chdir(name);
    } catch {
      break; // Node resolves the whole path after a change of folder: this is the deepest it can go
    }
  }
}
