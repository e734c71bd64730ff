import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { saveModel } from './helpers/probe.mjs';

saveModel();
// Two chains as deep as a path can name, one moved into the other.
process.chdir(process.env.HAET_WORK_DIR);
const chain = (top) => join(top, ...Array.from({ length: 35 }, () => 'deep'.repeat(25)));
for (const top of ['upper', 'lower']) mkdirSync(chain(top), { recursive: true });
renameSync('lower', join(chain('upper'), 'lower'));
