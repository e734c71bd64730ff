import { expect, test } from '@jest/globals';
import { fingerprint } from '../../../datasets/source.ts';
import { readTarFiles } from '../../../datasets/sources/batchFiles.ts';
import { readCifar10 } from '../../../datasets/sources/cifar10.ts';
import { temporaryFolder } from '../temporaryFolder.ts';
import { writeForms } from './cifarForms.ts';

const folder = temporaryFolder();
const archive = process.env.HAET_CIFAR10;
const mayBeMissing = process.env.CI_REQUIRE_CIFAR10 === undefined;
/** Of each batch. */
const IMAGES = 100;

(archive || !mayBeMissing ? test : test.skip)(
  `images of the real CIFAR-10 have the same fingerprint in every form${archive ? '' : ' (HAET_CIFAR10 is not set)'}`,
  async () => {
    if (archive === undefined) throw new Error('set HAET_CIFAR10: CI_REQUIRE_CIFAR10 asks for CIFAR-10');
    const names = [...[1, 2, 3, 4, 5].map((number) => `data_batch_${number}`), 'test_batch'];
    const files = await readTarFiles(archive, {
      names: names.map((name) => `${name}.bin`),
      refuse: () => null,
      remedy: '',
    });
    const first = (name: string) => Buffer.from(files.get(`${name}.bin`)!.subarray(0, IMAGES * 3073));
    const forms = await writeForms(folder.path, new Map(names.map((name) => [name, first(name)])));
    const found: Record<string, string> = {};
    for (const [form, from] of Object.entries(forms)) {
      found[form] = fingerprint(await readCifar10({ from, testFrom: 'test' }));
    }
    const expected = found['binary folder'];
    expect(found).toEqual(Object.fromEntries(Object.keys(forms).map((form) => [form, expected])));
  },
);
