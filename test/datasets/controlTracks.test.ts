import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { drawVersions, readContent, writeVersion } from '../../datasets/controlTracks.ts';
import { makeTrack } from '../../datasets/makeTrack.ts';
import { randomFrom } from '../../datasets/random.ts';
import { readTrack } from '../../datasets/readTrack.ts';
import { trackFiles } from '../../datasets/track.ts';
import { madeUpSource } from './madeUpSource.ts';
import { temporaryFolder } from './temporaryFolder.ts';

const folder = temporaryFolder();

describe('versions of a Track', () => {
  const cases = fc
    .integer({ min: 2, max: 256 })
    .chain((classes) =>
      fc.tuple(
        fc.constant(classes),
        fc.uint8Array({ max: classes - 1, maxLength: 300 }),
        fc.uint8Array({ max: classes - 1, maxLength: 300 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      ),
    );
  const forAll = (check: (drawn: ReturnType<typeof drawVersions>, train: number[], test: number[]) => void) =>
    fc.assert(
      fc.property(cases, ([classes, train, test, seed]) => {
        const labels = { train: Uint8Array.from(train), test: Uint8Array.from(test) };
        const drawn = drawVersions(labels, classes, randomFrom(seed));
        expect(drawn.versions.honest).toEqual({ train: Uint8Array.from(train), test: Uint8Array.from(test) });
        check(drawn, [...train], [...test]);
      }),
    );

  test('the shuffled one has every label as often as before, and unchanged withheld labels', () => {
    forAll(({ versions: { shuffled } }, train, held) => {
      const sorted = (values: number[]) => values.sort((a, b) => a - b);
      expect(sorted([...shuffled.train])).toEqual(sorted(train));
      expect([...shuffled.test]).toEqual(held);
    });
  });

  test('the permuted one gives every class the name of another, the same in both halves', () => {
    forAll(({ versions: { permuted }, renaming }, train, held) => {
      expect([...renaming].sort((a, b) => a - b)).toEqual(renaming.map((_, label) => label));
      expect(renaming.filter((name, label) => name === label)).toEqual([]);
      expect([...permuted.train]).toEqual(train.map((label) => renaming[label]));
      expect([...permuted.test]).toEqual(held.map((label) => renaming[label]));
    });
  });

  test('the shuffled one is independent of the labels: over many seeds an image has each label equally often', () => {
    const labels = { train: Uint8Array.of(0, 0, 1, 2), test: new Uint8Array() };
    const counts = [0, 0, 0];
    for (let seed = 0; seed < 4000; seed++) {
      counts[drawVersions(labels, 3, randomFrom(seed)).versions.shuffled.train[3]!]!++;
    }
    // Standard deviation of each count: below 32.
    expect(Math.abs(counts[0]! - 2000)).toBeLessThan(150);
    expect(Math.abs(counts[1]! - 1000)).toBeLessThan(150);
    expect(Math.abs(counts[2]! - 1000)).toBeLessThan(150);
  });

  test('the same seed draws the same versions, another seed others', () => {
    const labels = { train: Uint8Array.from({ length: 100 }, (_, row) => row % 10), test: new Uint8Array() };
    const draw = (seed: number) => drawVersions(labels, 10, randomFrom(seed));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1).renaming).not.toEqual(draw(2).renaming);
    expect(draw(1).versions.shuffled).not.toEqual(draw(2).versions.shuffled);
  });
});

describe('a version on disk', () => {
  async function written() {
    const dir = join(folder.path, 'track');
    const { info } = await makeTrack(madeUpSource(8, 6), {
      trainPerClass: 4,
      testPerClass: 2,
      seed: 1,
      out: dir,
    });
    const content = await readContent(dir, info);
    const { versions } = drawVersions(content.labels, 8, randomFrom(1));
    const write = async (name: keyof typeof versions) => {
      const out = join(folder.path, name);
      return { out, info: await writeVersion(content, versions[name], out) };
    };
    return { info, content, versions, write };
  }

  test('is a Track with the new labels and unchanged images', async () => {
    const { content, versions, write } = await written();
    for (const name of ['honest', 'shuffled', 'permuted'] as const) {
      const { out, info } = await write(name);
      expect(await readTrack(out)).toEqual(info);
      const back = await readContent(out, info);
      expect(back.images).toEqual(content.images);
      expect(back.labels).toEqual(versions[name]);
    }
  });

  test('differs from the Track only in labels and their hashes', async () => {
    const { info: honest, write } = await written();
    const { info: same } = await write('honest');
    const { info: permuted } = await write('permuted');
    expect(same).toEqual(honest);
    expect({ ...permuted, sha256: null }).toEqual({ ...honest, sha256: null });
    const changed = Object.keys(honest.sha256).filter(
      (file) => honest.sha256[file] !== permuted.sha256[file],
    );
    expect(changed).toEqual([trackFiles.trainLabels, trackFiles.testLabels]);
  });

  test('is not written where something exists, which is kept', async () => {
    const { content, versions, write } = await written();
    const { out } = await write('shuffled');
    const before = await readFile(join(out, 'track.json'));
    await expect(writeVersion(content, versions.permuted, out)).rejects.toThrow(
      /shuffled: exists and is not empty/,
    );
    expect(await readFile(join(out, 'track.json'))).toEqual(before);
    expect((await readdir(folder.path)).sort()).toEqual(['shuffled', 'track']);
  });
});
