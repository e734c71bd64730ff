import { makeTrack } from '../../../datasets/makeTrack.ts';
import { randomFrom } from '../../../datasets/random.ts';
import { IMAGE_BYTES } from '../../../datasets/source.ts';
import type { TrackInfo } from '../../../datasets/track.ts';

/**
 * Makes a Track that the nearest class mean learns without a mistake: images of class c are grey, of level 20 + 24 c
 * with a little noise. 30 training images and 20 held-out images per class.
 */
export async function makeGreyTrack(dir: string): Promise<{ dir: string; info: TrackInfo }> {
  const random = randomFrom(1);
  const labels = Uint8Array.from({ length: 500 }, (_, image) => image % 10);
  const images = Uint8Array.from(
    { length: labels.length * IMAGE_BYTES },
    (_, at) => 20 + 24 * (Math.floor(at / IMAGE_BYTES) % 10) + (random.next() & 7),
  );
  const classes = Array.from({ length: 10 }, (_, label) => `grey ${label}`);
  const source = { kind: 'synthetic', description: 'greys', classes, train: { images, labels } } as const;
  const { info } = await makeTrack(source, { trainPerClass: 30, testPerClass: 20, seed: 1, out: dir });
  return { dir, info };
}

/** Reads a .npy file of bytes, and returns the mean of each image. */
const common = `
import { readFileSync, writeFileSync } from 'node:fs';
const bytesOf = (file) => { const bytes = readFileSync(file); return bytes.subarray(10 + bytes.readUInt16LE(8)); };
const levelsOf = (file) => {
  const bytes = bytesOf(file);
  return Array.from({ length: bytes.length / 3072 }, (_, image) =>
    bytes.subarray(image * 3072, (image + 1) * 3072).reduce((sum, value) => sum + value, 0) / 3072);
};
const { HAET_TRAIN_DIR, HAET_TEST_IMAGES, HAET_MODEL_DIR, HAET_OUT_DIR } = process.env;
`;

/** Writes model.json: \`means[label]\`, the mean level of the images of that label. */
const train = `${common}
const levels = levelsOf(HAET_TRAIN_DIR + '/images.npy');
const labels = bytesOf(HAET_TRAIN_DIR + '/labels.npy');
const means = Array.from({ length: 10 }, (_, label) => {
  const own = levels.filter((_, image) => labels[image] === label);
  return own.reduce((sum, level) => sum + level, 0) / own.length;
});
writeFileSync(HAET_OUT_DIR + '/model.json', JSON.stringify(means));
`;

/** Gives each image the class whose mean is nearest. */
const predict = `${common}
const means = JSON.parse(readFileSync(HAET_MODEL_DIR + '/model.json'));
const levels = levelsOf(HAET_TEST_IMAGES);
const text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + levels.length + ", 10), }";
const header = Buffer.from('\\x93NUMPY\\x01\\x00\\x76\\x00' + text.padEnd(117) + '\\n', 'latin1');
const scores = new Float32Array(levels.flatMap((level) => means.map((mean) => -Math.abs(mean - level))));
writeFileSync(HAET_OUT_DIR + '/predictions.npy', Buffer.concat([header, Buffer.from(scores.buffer)]));
`;

const entry = (trainScript: string) => ({
  manifest: { train: ['node', 'train.mjs'], predict: ['node', 'predict.mjs'] },
  files: { 'train.mjs': trainScript, 'predict.mjs': predict },
});

export const entries = {
  honest: entry(train),
  /** Has the ten levels built in. */
  memorised: entry(
    `${common} writeFileSync(HAET_OUT_DIR + '/model.json', JSON.stringify(Array.from({ length: 10 }, (_, c) => 23.5 + 24 * c)));`,
  ),
  /** Learns from the labels which classes exist, and assigns them by brightness. */
  builtInOrder: entry(train.replace('JSON.stringify(means)', 'JSON.stringify(means.sort((a, b) => a - b))')),
  /** Detects that the labels are random, and gives up. */
  crashesAtNonsense: entry(
    train.replace(
      'writeFileSync(HAET_OUT',
      'if (Math.max(...means) - Math.min(...means) < 100) process.exit(1);\n$&',
    ),
  ),
  /** Predicts one class for every image. */
  constant: entry(
    `${common} writeFileSync(HAET_OUT_DIR + '/model.json', JSON.stringify(new Array(10).fill(0)));`,
  ),
};
