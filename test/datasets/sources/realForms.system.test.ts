import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { makeTrack } from '../../../datasets/makeTrack.ts';
import { sha256 } from '../../../datasets/sha256.ts';
import { fingerprint } from '../../../datasets/source.ts';
import { readTarFiles } from '../../../datasets/sources/batchFiles.ts';
import { readCifar10 } from '../../../datasets/sources/cifar10.ts';
import { cifarRecords } from '../madeUpSource.ts';
import { temporaryFolder } from '../temporaryFolder.ts';
import { type Batches, packForm, writeForms, writeParquetForm, writePythonForm } from './cifarForms.ts';

const folder = temporaryFolder();
const archive = process.env.HAET_CIFAR10;
const mayBeMissing = process.env.CI_REQUIRE_CIFAR10 === undefined;
const names = [...[1, 2, 3, 4, 5].map((number) => `data_batch_${number}`), 'test_batch'];
const whenGiven = archive || !mayBeMissing ? test : test.skip;
const note = archive ? '' : ' (HAET_CIFAR10 is not set)';

/** Returns the real CIFAR-10, or the first images of each batch. */
async function realBatches(mostImages = 10_000): Promise<Batches> {
  if (archive === undefined) throw new Error('set HAET_CIFAR10: CI_REQUIRE_CIFAR10 asks for CIFAR-10');
  const wanted = { names: names.map((name) => `${name}.bin`), refuse: () => null, remedy: '' };
  const files = await readTarFiles(archive, wanted);
  return new Map(
    names.map((name) => [name, Buffer.from(files.get(`${name}.bin`)!.subarray(0, mostImages * 3073))]),
  );
}

/** Returns the sha256 of each file of the Track that is drawn from a form, in one text. */
async function trackOf(from: string, out: string, perClass = 3): Promise<string> {
  const source = await readCifar10({ from, testFrom: 'test' });
  await makeTrack(source, { trainPerClass: perClass, testPerClass: 1, seed: 1, out });
  const files = ['track.json', 'train/images.npy', 'train/labels.npy', 'test/images.npy', 'labels.npy'];
  return (await Promise.all(files.map(async (file) => sha256(await readFile(join(out, file)))))).join('\n');
}

/** Returns the same value for each key of a record. */
const allEqual = (found: Record<string, string>) =>
  Object.fromEntries(Object.keys(found).map((form) => [form, Object.values(found)[0]]));

test('the same images in the same order give the same Track in every form, to the byte', async () => {
  const madeUp = new Map(names.map((name) => [name, cifarRecords(12)]));
  const tracks: Record<string, string> = {};
  for (const [form, from] of Object.entries(await writeForms(folder.path, madeUp))) {
    tracks[form] = await trackOf(from, join(folder.path, 'tracks', form));
  }
  expect(tracks).toEqual(allEqual(tracks));
});

whenGiven(`images of the real CIFAR-10 have the same fingerprint in every form${note}`, async () => {
  const found: Record<string, string> = {};
  for (const [form, from] of Object.entries(await writeForms(folder.path, await realBatches(100)))) {
    found[form] = fingerprint(await readCifar10({ from, testFrom: 'test' }));
  }
  expect(found).toEqual(allEqual(found));
});

// Prints the hashes: HAET_CIFAR10=ARCHIVE HAET_CIFAR10_WHOLE=1 npm test -- --runTestsByPath THIS_FILE -t whole
(process.env.HAET_CIFAR10_WHOLE ? test : test.skip)(
  'the whole CIFAR-10 gives the same Track as binary, Python and Parquet version (HAET_CIFAR10_WHOLE)',
  async () => {
    const batches = await realBatches();
    const python = await writePythonForm(folder.path, batches);
    const forms = {
      binary: archive!,
      'Python folder': python,
      'Python archive': await packForm(folder.path, 'cifar-10-batches-py', 'cifar-10-python.tar.gz'),
      Parquet: await writeParquetForm(join(folder.path, 'hub'), batches, { images: 'png' }),
    };
    const tracks: Record<string, string> = {};
    for (const [form, from] of Object.entries(forms)) {
      tracks[form] = await trackOf(from, join(folder.path, 'tracks', form), 500);
      process.stdout.write(`${form}\n${tracks[form]}\n`);
    }
    expect(tracks).toEqual(allEqual(tracks));
  },
  600_000,
);
