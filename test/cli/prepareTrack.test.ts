import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { prepareTrack } from '../../cli/prepareTrack.ts';
import { cifarRecords } from '../datasets/madeUpSource.ts';
import { writeBinaryForm } from '../datasets/sources/cifarForms.ts';
import { temporaryFolder } from '../datasets/temporaryFolder.ts';

const folder = temporaryFolder();
const where = () => ({
  env: { HAET_CACHE: join(folder.path, 'cache'), HOME: join(folder.path, 'home') },
  workingFolder: folder.path,
  remote: null,
});

test('before the stand-in is drawn, its warning names every folder that was looked at', async () => {
  let said = '';
  const standIn = prepareTrack(
    { testPerClass: 1 },
    (...lines) => {
      said += lines.join('\n');
      throw new Error('enough was said');
    },
    where(),
  );
  await expect(standIn).rejects.toThrow('enough was said');
  expect(said).toMatch(/CIFAR-10 was not found .*SYNTHETIC images/);
  const places = ['cache', 'data', 'home/data', 'home/.keras/datasets', 'home/.cache/torch/datasets/vision'];
  for (const place of places) expect(said).toContain(`    ${join(folder.path, place)}\n`);
});

test('a copy of CIFAR-10 in the home folder is used, and a broken one before it is named and passed over', async () => {
  const said: string[] = [];
  await mkdir(join(folder.path, 'data'));
  await writeFile(join(folder.path, 'data/cifar-10-python.tar.gz'), 'half of a download');
  const names = [1, 2, 3, 4, 5].map((number) => `data_batch_${number}`);
  const batches = new Map(names.map((name) => [name, cifarRecords(1010)]));
  const copy = await writeBinaryForm(join(folder.path, 'home/.keras/datasets'), batches);
  const { info } = await prepareTrack({ testPerClass: 2 }, (...lines) => said.push(...lines), where());
  expect(info).toMatchObject({ trainSize: 5000, testSize: 20, source: { kind: 'cifar10' } });
  expect(said).toEqual([
    expect.stringMatching(
      /^Passed over: .*data\/cifar-10-python\.tar\.gz: (?:is not a complete tar archive|has no data_batch_1)/,
    ),
    `Data: CIFAR-10 from ${copy}.`,
  ]);
});
