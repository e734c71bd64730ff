import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hints, note, outFolder } from './helpers/probe.mjs';

const places = ['/', '/tmp', '/var/tmp', '/dev/shm', '/dev', '/run', '/home', '/root', process.env.HOME];
const nearby = [dirname(process.cwd()), join(outFolder, '..'), join(outFolder, '..', '..')];
for (const place of [...places, ...nearby, hints.canary, hints.runs, dirname(hints.labels)]) {
  const path = join(place, 'haet-escape-trace');
  try {
    writeFileSync(path, 'trace');
    note('tried', `left ${path}`);
  } catch (error) {
    note('tried', `${path}: ${error.code}`);
  }
}
