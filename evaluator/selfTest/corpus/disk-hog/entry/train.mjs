import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { note, outFolder } from './helpers/probe.mjs';

const block = Buffer.alloc(4 * 2 ** 20, 1);
const file = openSync(join(outFolder, 'ballast'), 'w');
let written = 0;
while (written < 2 ** 30) written += writeSync(file, block); // throws when the disk is full
note('escaped', `wrote ${written} bytes`);
