import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { generateX25519Identity } from 'age-encryption';
import fc from 'fast-check';
import { publicKeyOf } from '../../../datasets/sealing/age.ts';
import { openImages, openLabels } from '../../../datasets/sealing/openSealed.ts';
import { type SealTo, sealTrack } from '../../../datasets/sealing/sealTrack.ts';
import { temporaryFolder } from '../temporaryFolder.ts';
import { numberedTrack, numbersOf } from './numberedTrack.ts';

const folder = temporaryFolder();
let identity: string;
let imagesKey: string;
let to: SealTo;
beforeAll(async () => {
  identity = await generateX25519Identity();
  imagesKey = await generateX25519Identity();
  to = { organizer: await publicKeyOf(identity), images: await publicKeyOf(imagesKey) };
});

async function open(sealed: Uint8Array) {
  const { info, images, sealedLabels } = await openImages(sealed, identity);
  const labels = [...(await openLabels(sealedLabels, identity, info))];
  return { info, labels, numbers: numbersOf(images) };
}
const ascending = (values: number[]) => [...values].sort((a, b) => a - b);
const cycling = (size: number) => Array.from({ length: size }, (_, index) => index % 10);

test('a sealed set opens completely, and every image has its label', async () => {
  let made = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 30 }),
      async (truth) => {
        const track = await numberedTrack(join(folder.path, `${++made}`), truth);
        const { bytes, info } = await sealTrack(track, to);
        const opened = await open(bytes);
        expect(opened.info).toEqual(info);
        expect(ascending(opened.numbers)).toEqual(truth.map((_, index) => index));
        expect(opened.labels).toEqual(opened.numbers.map((number) => truth[number]));
      },
    ),
    { numRuns: 25 },
  );
});

test('the sealed set describes itself after decryption', async () => {
  const { info } = await sealTrack(await numberedTrack(folder.path, [3, 1, 4]), to);
  expect(info).toMatchObject({
    testSize: 3,
    seed: 271_828,
    source: { kind: 'folder', description: 'from a secret place' },
    imageShape: [32, 32, 3],
  });
  expect(info.classes).toHaveLength(10);
  expect(Object.keys(info.sha256)).toEqual(['images.npy', 'labels.npy.age']);
});

describe('the labels stay hidden:', () => {
  test('two seals of one Track differ in bytes and in order, not in size', async () => {
    const track = await numberedTrack(folder.path, cycling(40));
    const [one, other] = [await sealTrack(track, to), await sealTrack(track, to)];
    expect(other.bytes).not.toEqual(one.bytes);
    expect(other.bytes).toHaveLength(one.bytes.length);
    const orders = [(await open(one.bytes)).numbers, (await open(other.bytes)).numbers];
    expect(orders[0]).not.toEqual(orders[1]);
    for (const order of orders) expect(order).not.toEqual(ascending(order));
  });

  test('three images come out in each of the six orders', async () => {
    const track = await numberedTrack(folder.path, [0, 1, 2]);
    const orders = new Set<string>();
    // With equal probabilities, an order is missing from 250 draws once in 10^20.
    for (let draw = 0; draw < 250 && orders.size < 6; draw++) {
      const { bytes } = await sealTrack(track, to);
      orders.add(numbersOf((await openImages(bytes, identity)).images).join());
    }
    expect(orders.size).toBe(6);
  });

  test('other labels give a sealed file, and sealed labels, of the same size', async () => {
    const sizes = new Set<string>();
    for (const [index, truth] of [cycling(20), Array(20).fill(0), Array(20).fill(9)].entries()) {
      const track = await numberedTrack(join(folder.path, `${index}`), truth);
      const { bytes } = await sealTrack(track, to);
      sizes.add(`${bytes.length} ${(await openImages(bytes, identity)).sealedLabels.length}`);
    }
    expect(sizes.size).toBe(1);
  });

  test('contains no unencrypted labels, arrays, names or hashes', async () => {
    const truth = cycling(40);
    const { bytes, info } = await sealTrack(await numberedTrack(folder.path, truth), to);
    const sealed = Buffer.from(bytes);
    const opened = await open(bytes);
    const secrets = [
      Buffer.from(opened.labels),
      Buffer.from(truth),
      Buffer.alloc(64), // made-up images and tar headers are mostly zeros
      ...['NUMPY', 'descr', 'labels', 'images', 'ustar', 'class 0', '271828', 'secret place'],
      info.source.sha256,
      info.sha256['images.npy'],
    ];
    expect(secrets.filter((secret) => sealed.includes(secret))).toEqual([]);
  });

  test('labels stay encrypted after the images are opened', async () => {
    const { bytes } = await sealTrack(await numberedTrack(folder.path, cycling(40)), to);
    const { info, images, sealedLabels } = await openImages(bytes, identity);
    const labels = Buffer.from(await openLabels(sealedLabels, identity, info));
    for (const shown of [images, sealedLabels, Buffer.from(JSON.stringify(info))]) {
      expect(Buffer.from(shown).includes(labels)).toBe(false);
    }
    expect(Buffer.from(sealedLabels).includes('NUMPY')).toBe(false);
  });
});

test('the images key opens the images and not the labels; the identity opens both', async () => {
  const truth = cycling(40);
  const { bytes } = await sealTrack(await numberedTrack(folder.path, truth), to);
  const { info, images, sealedLabels } = await openImages(bytes, imagesKey);
  expect(ascending(numbersOf(images))).toEqual(truth.map((_, index) => index));
  await expect(openLabels(sealedLabels, imagesKey, info)).rejects.toThrow(
    'labels.npy.age: is not sealed for the key',
  );
  expect((await openImages(bytes, identity)).images).toEqual(images);
  expect(await openLabels(sealedLabels, identity, info)).toHaveLength(40);
});

test('rejects one key for images and labels', async () => {
  const track = await numberedTrack(folder.path, [3, 1, 4]);
  await expect(sealTrack(track, { organizer: to.organizer, images: to.organizer })).rejects.toThrow(
    '--to and --images-to are the same key',
  );
});

test('an incomplete Track is not sealed', async () => {
  await expect(sealTrack(folder.path, to)).rejects.toThrow(/is not a Track/);
});
