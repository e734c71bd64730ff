import { linkSync } from 'node:fs';
import { join } from 'node:path';
import { outFolder, saveModel } from './helpers/probe.mjs';

saveModel();
const model = join(outFolder, 'model');
try {
  for (let index = 0; index < 66_000; index++) linkSync(model, join(outFolder, String(index)));
} catch (error) {
  if (error.code !== 'EMLINK') throw error; // a file system that allows fewer
}
