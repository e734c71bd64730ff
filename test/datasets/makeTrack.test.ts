import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { makeTrack } from '../../datasets/makeTrack.ts';
import { readImages, readLabels, readTrack } from '../../datasets/readTrack.ts';
import { IMAGE_BYTES, type Source } from '../../datasets/source.ts';
import { trackFiles } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { madeUpImages, madeUpSource } from './madeUpSource.ts';
import { temporaryFolder } from './temporaryFolder.ts';

const folder = temporaryFolder();
const options = () => ({ trainPerClass: 5, testPerClass: 2, seed: 1, out: join(folder.path, 'track') });

async function imagesOf(dir: string): Promise<{ train: string[]; test: string[] }> {
  const info = await readTrack(dir);
  const cut = (images: Uint8Array) =>
    Array.from({ length: images.length / IMAGE_BYTES }, (_, index) =>
      Buffer.from(images.subarray(index * IMAGE_BYTES, (index + 1) * IMAGE_BYTES)).toString('base64'),
    );
  return { train: cut(await readImages(dir, 'train', info)), test: cut(await readImages(dir, 'test', info)) };
}

test('a written Track is read back, each image with its own label', async () => {
  const source = madeUpSource(3, 10);
  const { info } = await makeTrack(source, options());
  expect(await readTrack(options().out)).toEqual(info);
  expect([info.trainSize, info.testSize]).toEqual([15, 6]);
  const images = await readImages(options().out, 'test', info);
  const labels = await readLabels(options().out, 'test', info);
  // A made-up image starts with its number in the source, where labels cycle.
  labels.forEach((label, row) => {
    expect(Buffer.from(images).readUInt32BE(row * IMAGE_BYTES) % 3).toBe(label);
  });
});

test('the same source and seed give the same bytes on every machine', async () => {
  await makeTrack(madeUpSource(3, 10), options());
  const bytes = await Promise.all(
    Object.values(trackFiles).map((file) => readFile(join(options().out, file))),
  );
  const hash = createHash('sha256');
  for (const each of bytes) hash.update(each);
  expect(hash.digest('hex')).toBe('981d92dfc00cb6355ef7a13134d2f757200cb083a8f65258819a620e403b6210');
});

describe('a Track drawn with a secret', () => {
  const secret = Uint8Array.from({ length: 32 }, (_, index) => index);
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

  test('has the same bytes on every machine, and contains the sha256 of the secret but not the secret', async () => {
    const { info } = await makeTrack(madeUpSource(3, 10), { ...options(), seed: secret });
    expect(await readTrack(options().out)).toEqual(info);
    expect(info.seed).toEqual({ secretSha256: sha256(secret) });
    expect(info.name).toBe('made up: 5 + 2 a class, drawn by a secret');
    expect(await readFile(join(options().out, 'track.json'), 'utf8')).not.toContain(
      Buffer.from(secret).toString('hex'),
    );
    expect(info.sha256).toMatchObject({
      'labels.npy': '31e865dd51e3c889736b955d29c38788b9198bd3839edf94bab3cd29d5cc8097',
      'train/images.npy': 'e0d36391d50db3381baa97883f8e616ce839c2d37c03db54f4ae9d04599ac0c2',
    });
  });

  test('differs from that of another secret', async () => {
    const made = async (seed: Uint8Array, name: string) =>
      (await makeTrack(madeUpSource(3, 10), { ...options(), seed, out: join(folder.path, name) })).info
        .sha256;
    expect(await made(secret, 'a')).toEqual(await made(secret, 'b'));
    expect(await made(secret.toReversed(), 'c')).not.toEqual(await made(secret, 'd'));
  });

  test('is not drawn with a secret of another length', async () => {
    await expect(makeTrack(madeUpSource(3, 10), { ...options(), seed: secret.subarray(1) })).rejects.toThrow(
      'the secret has 31 bytes; expected 32',
    );
    expect(await readdir(folder.path)).toEqual([]);
  });
});

describe('images with the same pixels', () => {
  /** A source of 2 classes with 8 images per class, some of them made equal. */
  function withCopies(copies: [from: number, to: number][]): Source {
    const source = madeUpSource(2, 8);
    for (const [from, to] of copies) {
      source.train.images.copyWithin(to * IMAGE_BYTES, from * IMAGE_BYTES, (from + 1) * IMAGE_BYTES);
    }
    return source;
  }

  test('are used once and never in both halves, with any seed', async () => {
    const source = withCopies([
      [0, 2],
      [0, 4],
      [1, 3],
    ]);
    for (let seed = 0; seed < 10; seed++) {
      const out = join(folder.path, `s${seed}`);
      const made = await makeTrack(source, { trainPerClass: 3, testPerClass: 3, seed, out });
      expect([made.duplicates, made.contradictions]).toEqual([3, 0]);
      const { train, test: held } = await imagesOf(out);
      expect(new Set([...train, ...held]).size).toBe(train.length + held.length);
    }
  });

  test('are skipped if their labels differ', async () => {
    const made = await makeTrack(withCopies([[0, 1]]), { ...options(), trainPerClass: 5, testPerClass: 2 });
    expect([made.duplicates, made.contradictions]).toEqual([0, 2]);
    await expect(
      makeTrack(withCopies([[0, 1]]), { ...options(), testPerClass: 3, out: join(folder.path, 'b') }),
    ).rejects.toThrow(/"class 0" has 7 distinct images, but 8 \(5 to train \+ 3 to test\)/);
  });

  test('are not held out if they are in the training and the test set of the source', async () => {
    const base = madeUpSource(2, 5, 3);
    const test = madeUpImages([0, 1, 0, 1, 0, 1], 0);
    const source = { ...base, test: { ...test, labels: Uint8Array.from([0, 1, 0, 1, 0, 1]) } };
    await expect(makeTrack(source, { ...options(), testPerClass: 1 })).rejects.toThrow(
      /"class 0" has 0 distinct images, but 1 to test/,
    );
  });
});

test('the fingerprint of the source changes with a pixel, a label, a class name', async () => {
  const fingerprints: string[] = [];
  const base = madeUpSource(2, 8);
  const onePixel = madeUpSource(2, 8);
  onePixel.train.images[IMAGE_BYTES - 1] = 1;
  const sources = [base, onePixel, { ...base, classes: ['a', 'b'] }, madeUpSource(2, 8, 3)];
  for (const [index, source] of sources.entries()) {
    const out = join(folder.path, `${index}`);
    fingerprints.push((await makeTrack(source, { ...options(), out })).info.source.sha256);
  }
  expect(new Set(fingerprints).size).toBe(4);
});

describe('make fails and leaves nothing:', () => {
  test('a folder that is not empty keeps its content', async () => {
    const out = join(folder.path, 'mine');
    await mkdir(out);
    await writeFile(join(out, 'thesis.txt'), 'dear');
    await expect(makeTrack(madeUpSource(2, 8), { ...options(), out })).rejects.toThrow(
      /mine: exists and is not empty \(1 entries, such as thesis\.txt\)/,
    );
    expect(await readdir(out)).toEqual(['thesis.txt']);
    expect(await readdir(folder.path)).toEqual(['mine']);
  });

  test('a file where the folder should be', async () => {
    const out = join(folder.path, 'file');
    await writeFile(out, 'dear');
    await expect(makeTrack(madeUpSource(2, 8), { ...options(), out })).rejects.toThrow(/is not a folder/);
    expect(await readFile(out, 'utf8')).toBe('dear');
  });

  test.each([
    [{ trainPerClass: 0 }, /--train-per-class 0/],
    [{ testPerClass: 1.5 }, /--test-per-class 1\.5/],
    [{ seed: -1 }, /--seed -1/],
    [{ seed: 2 ** 32 }, /--seed 4294967296/],
    [{ trainPerClass: 500 }, /"class 0" has 8 distinct images, but 502/],
  ])('%j', async (change, reason) => {
    await expect(makeTrack(madeUpSource(2, 8), { ...options(), ...change })).rejects.toThrow(reason);
    expect(await readdir(folder.path)).toEqual([]);
  });

  test('a place that cannot be written', async () => {
    await writeFile(join(folder.path, 'file'), '');
    const out = join(folder.path, 'file', 'deeper', 'track');
    await expect(makeTrack(madeUpSource(2, 8), { ...options(), out })).rejects.toThrow(UserError);
    expect(await readdir(folder.path)).toEqual(['file']);
  });
});

test('an empty folder is accepted', async () => {
  await mkdir(options().out);
  await makeTrack(madeUpSource(2, 8), options());
  expect((await readdir(options().out)).sort()).toEqual(['labels.npy', 'test', 'track.json', 'train']);
  expect(await readdir(folder.path)).toEqual(['track']);
});

describe('reading a Track fails if', () => {
  async function made(): Promise<string> {
    await makeTrack(madeUpSource(2, 8), options());
    return options().out;
  }
  const editInfo = async (dir: string, edit: (info: Record<string, unknown>) => void) => {
    const path = join(dir, 'track.json');
    const info = JSON.parse(await readFile(path, 'utf8'));
    edit(info);
    await writeFile(path, JSON.stringify(info));
  };

  test('there is no track.json', async () => {
    await expect(readTrack(folder.path)).rejects.toThrow(/is not a Track: track\.json.*haet data make/);
  });

  test('track.json is not JSON', async () => {
    const dir = await made();
    await writeFile(join(dir, 'track.json'), '{"name":');
    await expect(readTrack(dir)).rejects.toThrow(/track\.json: is not JSON/);
  });

  test('track.json has an unknown key', async () => {
    const dir = await made();
    await editInfo(dir, (info) => Object.assign(info, { clases: [] }));
    await expect(readTrack(dir)).rejects.toThrow(/clases/);
  });

  test('a file is missing', async () => {
    const dir = await made();
    await rm(join(dir, 'labels.npy'));
    await expect(readTrack(dir)).rejects.toThrow(/labels\.npy: cannot be read \(ENOENT\)/);
  });

  test('track.json has no hash of a file', async () => {
    const dir = await made();
    await editInfo(dir, (info) => Object.assign(info, { sha256: {} }));
    await expect(readTrack(dir)).rejects.toThrow(/has no sha256 for train\/images\.npy/);
  });

  test('one bit of a file changed', async () => {
    const dir = await made();
    const path = join(dir, trackFiles.trainImages);
    const bytes = await readFile(path);
    bytes[5000]! ^= 1;
    await writeFile(path, bytes);
    await expect(readTrack(dir)).rejects.toThrow(/train\/images\.npy: has changed since/);
  });

  test('track.json and files agree in bytes but not in size', async () => {
    const dir = await made();
    await editInfo(dir, (info) => Object.assign(info, { trainSize: 11 }));
    await expect(readTrack(dir)).rejects.toThrow(/shape is \[10, 32, 32, 3\]/);
  });

  test('a label has no class', async () => {
    const source = { ...madeUpSource(3, 8) };
    await makeTrack(source, options());
    await editInfo(options().out, (info) => Object.assign(info, { classes: ['a', 'b'] }));
    await expect(readTrack(options().out)).rejects.toThrow(/label 2 at row \d+ is not one of the 2 classes/);
  });
});

test('of two that create the same folder at once, one succeeds and the other reports an existing folder', async () => {
  const both = await Promise.allSettled([
    makeTrack(madeUpSource(2, 8), options()),
    makeTrack(madeUpSource(2, 8), options()),
  ]);
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const lost = both.find((each) => each.status === 'rejected');
  expect(String(lost?.reason)).toMatch(/track: exists and is not empty/);
  expect((await readTrack(options().out)).trainSize).toBe(10);
  expect(await readdir(folder.path)).toEqual(['track']);
});
