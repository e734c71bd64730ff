import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { makeTrack } from '../../datasets/makeTrack.ts';
import { readTrack } from '../../datasets/readTrack.ts';
import { readImageFolder } from '../../datasets/sources/imageFolder.ts';
import { trackFiles } from '../../datasets/track.ts';
import { numbered, picture, pictures, put } from './sources/folder/pictures.ts';
import { temporaryFolder } from './temporaryFolder.ts';

const folder = temporaryFolder();
const from = () => join(folder.path, 'in');
const classes = (each: number) => pictures(from(), [...numbered('cat', each), ...numbered('dog', each)]);
const make = async (options = {}) =>
  makeTrack(await readImageFolder({ from: from() }), {
    trainPerClass: 2,
    testPerClass: 1,
    seed: 1,
    out: join(folder.path, 'track'),
    ...options,
  });

describe('images with the same pixels once decoded', () => {
  test('are named and refused if they are more than a tenth of a class, unless they are allowed', async () => {
    await classes(5);
    await put(from(), 'cat/copy.png', await picture(0));
    await put(from(), 'dog/copy.png', await picture(6));
    await expect(make()).rejects.toMatchObject({
      reason:
        'images in in: 1 of 6 images of "cat" have the same pixels as another once decoded, such as cat/1.png and cat/copy.png',
      details: [
        '1 of 6 images of "dog" have the same pixels as another once decoded, such as dog/2.png and dog/copy.png',
      ],
      remedy: expect.stringMatching(/add --allow-copies/),
    });
    expect(await make({ allowCopies: true })).toMatchObject({
      duplicates: 2,
      contradictions: 0,
      example: ['cat/1.png', 'cat/copy.png'],
    });
  });

  test('are skipped and named if they are fewer', async () => {
    await classes(10);
    await put(from(), 'cat/copy.png', await picture(0));
    expect(await make()).toMatchObject({ duplicates: 1, example: ['cat/1.png', 'cat/copy.png'] });
  });

  test('are named in both classes if they have two labels', async () => {
    await classes(3);
    await put(from(), 'dog/0.png', await picture(0));
    await expect(make()).rejects.toMatchObject({
      reason: expect.stringMatching(/1 of 3 images of "cat" .* such as cat\/1\.png and dog\/0\.png/),
      details: [expect.stringMatching(/1 of 4 images of "dog" .* such as cat\/1\.png and dog\/0\.png/)],
    });
  });

  test('are explained if they are white drawings on nothing', async () => {
    for (const [index, name] of numbered('bell', 4).concat(numbered('star', 4)).entries()) {
      const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle r="${index + 3}" cx="20" cy="20" fill="white"/></svg>`;
      await put(from(), name, await sharp(Buffer.from(drawing)).png().toBuffer());
    }
    await expect(make()).rejects.toThrow(
      /4 of 4 images of "bell" .* such as bell\/1\.png and bell\/2\.png\. These images decode to one plain colour: transparent parts become white/,
    );
  });

  test('are found between the halves of a given split', async () => {
    await pictures(from(), [...numbered('train/cat', 3), ...numbered('train/dog', 3)]);
    await pictures(from(), [...numbered('val/cat', 1), ...numbered('val/dog', 1)], 50);
    await put(from(), 'val/dog/7.png', await picture(3));
    await expect(make()).rejects.toThrow(
      /1 of 5 images of "dog" .* such as train\/dog\/1\.png and val\/dog\/7\.png/,
    );
  });
});

describe('near-copies', () => {
  test('are counted and named: scaled, and encoded again', async () => {
    await classes(3);
    await put(
      from(),
      'cat/4.png',
      await sharp(await picture(0))
        .resize(40, 40)
        .png()
        .toBuffer(),
    );
    await put(
      from(),
      'dog/4.jpg',
      await sharp(await picture(4))
        .jpeg({ quality: 60 })
        .toBuffer(),
    );
    const { nearCopies } = await make({ trainPerClass: 3 });
    expect(nearCopies!.pairs).toBe(2);
    expect(['cat/1.png,cat/4.png', 'dog/2.png,dog/4.jpg']).toContain([...nearCopies!.example!].sort().join());
  });

  test('are counted apart if one of the pair is held out', async () => {
    await pictures(from(), [...numbered('train/cat', 2), ...numbered('train/dog', 2)]);
    await pictures(from(), ['test/dog/1.png'], 50);
    await put(
      from(),
      'test/cat/1.jpg',
      await sharp(await picture(1))
        .jpeg({ quality: 80 })
        .toBuffer(),
    );
    expect((await make()).nearCopies).toEqual({
      pairs: 1,
      acrossHalves: 1,
      example: ['test/cat/1.jpg', 'train/cat/2.png'],
    });
  });

  test('are not seen in different pictures', async () => {
    await classes(15);
    expect((await make({ trainPerClass: 12, testPerClass: 3 })).nearCopies).toEqual({
      pairs: 0,
      acrossHalves: 0,
    });
  });
});

test('the Track lists files that were left out, and is read back', async () => {
  await classes(3);
  await put(from(), 'cat/x.png', 'text');
  const source = await readImageFolder({ from: from(), skipUnreadable: true });
  const out = join(folder.path, 'track');
  const { info } = await makeTrack(source, { trainPerClass: 2, testPerClass: 1, seed: 1, out });
  expect(info.source.warnings).toEqual(['Left out cat/x.png: is not a readable image (it is text).']);
  expect(await readTrack(out)).toEqual(info);
});

test('a folder that was read before gives the same bytes as before', async () => {
  for (const [index, name] of ['b/2.png', 'b/10.png', 'a/x.png', 'a/\u00e9.png'].entries()) {
    const noise = createHash('shake256', { outputLength: 32 * 32 * 3 })
      .update(name)
      .digest();
    await put(
      from(),
      name,
      await sharp(noise, { raw: { width: 32, height: 32, channels: 3 } })
        .png()
        .toBuffer(),
    );
    if (index === 0) await put(from(), 'README.txt', 'x');
  }
  await make({ trainPerClass: 1, testPerClass: 1 });
  const hash = createHash('sha256');
  for (const file of Object.values(trackFiles)) hash.update(await readFile(join(folder.path, 'track', file)));
  expect(hash.digest('hex')).toBe('ff80bf88a3edf83bb30c4e356db7e25319d899e39e39fc5ab2442130e923eb87');
});

test('every class with too few images is named', async () => {
  await classes(2);
  await pictures(from(), numbered('eel', 3), 60);
  await expect(make()).rejects.toThrow(
    /class "cat" has 2 distinct images, but 3 \(2 to train \+ 1 to test\) are needed; too few also: "dog" \(2\)/,
  );
});
