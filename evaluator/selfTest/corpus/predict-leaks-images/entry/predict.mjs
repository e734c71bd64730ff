import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { attempt, Held, hints } from './helpers/probe.mjs';

const { HAET_MODEL_DIR, HAET_TEST_IMAGES, HAET_WORK_DIR } = process.env;
const kept = [HAET_MODEL_DIR, process.cwd(), dirname(HAET_TEST_IMAGES), hints.runs, hints.canary];
const perhapsKept = [HAET_WORK_DIR, '/tmp', '/var/tmp', '/dev/shm', '/run', '/', join(HAET_MODEL_DIR, '..')];
for (const place of [...kept, ...perhapsKept]) {
  await attempt(`leave them in ${place}`, () => {
    copyFileSync(HAET_TEST_IMAGES, join(place, 'haet-escape-images'));
    if (perhapsKept.includes(place)) throw new Held('written; the next run will tell');
  });
}
