import { appendFileSync, chmodSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { attempt, hints } from './helpers/probe.mjs';

const { HAET_TRAIN_DIR, HAET_TEST_IMAGES, HAET_MODEL_DIR } = process.env;
const folders = [
  process.cwd(),
  ...(HAET_TRAIN_DIR ? [HAET_TRAIN_DIR] : []),
  ...(HAET_TEST_IMAGES ? [dirname(HAET_TEST_IMAGES)] : []),
  ...(HAET_MODEL_DIR ? [HAET_MODEL_DIR] : []),
  hints.canary,
  hints.runs,
  dirname(hints.labels),
  '/usr/bin',
];
for (const folder of folders) {
  await attempt(`make a file in ${folder}`, () => writeFileSync(join(folder, 'haet-escape'), 'out'));
}
const files = [
  join(process.cwd(), 'haet.json'),
  HAET_TEST_IMAGES ?? join(HAET_TRAIN_DIR, 'labels.npy'),
  HAET_MODEL_DIR && join(HAET_MODEL_DIR, 'model'),
  hints.labels,
  hints.identity,
].filter(Boolean);
for (const file of files) {
  await attempt(`open up ${file}`, () => chmodSync(file, 0o666));
  await attempt(`add to ${file}`, () => appendFileSync(file, 'x'));
  await attempt(`rename ${file}`, () => renameSync(file, `${file}-moved`));
}
