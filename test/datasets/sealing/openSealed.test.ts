import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { generateX25519Identity } from 'age-encryption';
import fc from 'fast-check';
import { formatNpy } from '../../../datasets/npy.ts';
import { encrypt, publicKeyOf } from '../../../datasets/sealing/age.ts';
import { openImages, openLabels } from '../../../datasets/sealing/openSealed.ts';
import { type SealedSet, type SealTo, sealTrack } from '../../../datasets/sealing/sealTrack.ts';
import { packTar } from '../../../datasets/sealing/tarInMemory.ts';
import type { WithheldInfo } from '../../../datasets/sealing/withheldSet.ts';
import { sha256 } from '../../../datasets/sha256.ts';
import { UserError } from '../../../datasets/userError.ts';
import { temporaryFolder } from '../temporaryFolder.ts';
import { numberedTrack } from './numberedTrack.ts';

const folder = temporaryFolder();
const truth = Array.from({ length: 24 }, (_, index) => index % 10);
let identity: string;
let recipient: string;
let to: SealTo;
let sealed: SealedSet;
beforeEach(async () => {
  identity = await generateX25519Identity();
  recipient = await publicKeyOf(identity);
  to = { organizer: recipient, images: await publicKeyOf(await generateX25519Identity()) };
  sealed = await sealTrack(await numberedTrack(join(folder.path, 'track'), truth), to);
});

/** Opens a file step by step and returns the error or the labels. */
async function openAll(bytes: Uint8Array): Promise<Error | number[]> {
  try {
    const { info, sealedLabels } = await openImages(bytes, identity);
    return [...(await openLabels(sealedLabels, identity, info))];
  } catch (error) {
    return error as Error;
  }
}

function changed(bytes: Uint8Array, place: number, difference: number): Uint8Array {
  const altered = bytes.slice();
  altered[place]! ^= difference;
  return altered;
}

describe('rejects a sealed file that was changed:', () => {
  test('any byte changed', async () => {
    const header = Buffer.from(sealed.bytes).indexOf('---') + 64;
    const place = fc.oneof(
      fc.nat({ max: header }), // most of the format's own bytes
      fc.nat({ max: sealed.bytes.length - 1 }),
    );
    await fc.assert(
      fc.asyncProperty(place, fc.integer({ min: 1, max: 255 }), async (at, difference) => {
        expect(await openAll(changed(sealed.bytes, at, difference))).toBeInstanceOf(UserError);
      }),
      { numRuns: 300 },
    );
  });

  test('truncated anywhere, or with something added', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: sealed.bytes.length - 1 }), async (length) => {
        expect(await openAll(sealed.bytes.subarray(0, length))).toBeInstanceOf(UserError);
      }),
      { numRuns: 100 },
    );
    for (const end of [[0], [10], Array(70_000).fill(0)]) {
      expect(await openAll(Uint8Array.from([...sealed.bytes, ...end]))).toBeInstanceOf(UserError);
    }
  });

  test('chunks of the encryption in another order', async () => {
    // Each chunk is 64 KiB of plain text and 16 bytes of tag, after the header and a nonce of 16 bytes.
    const bytes = Buffer.from(sealed.bytes);
    const start = bytes.indexOf('\n', bytes.indexOf('\n---') + 1) + 17;
    const chunk = 64 * 1024 + 16;
    const swapped = Buffer.concat([
      bytes.subarray(0, start),
      bytes.subarray(start + chunk),
      bytes.subarray(start, start + chunk),
    ]);
    expect(swapped).toHaveLength(bytes.length);
    expect(await openAll(swapped)).toBeInstanceOf(UserError);
  });

  test('any byte of the sealed labels changed', async () => {
    const { info, sealedLabels } = await openImages(sealed.bytes, identity);
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: sealedLabels.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, difference) => {
          const altered = changed(sealedLabels, at, difference);
          await expect(openLabels(altered, identity, info)).rejects.toThrow(UserError);
          // Also with the hash of the changed bytes.
          const forged = { ...info, sha256: { ...info.sha256, 'labels.npy.age': sha256(altered) } };
          await expect(openLabels(altered, identity, forged)).rejects.toThrow(UserError);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('with the labels of another seal of the same Track', async () => {
    const other = await sealTrack(join(folder.path, 'track'), to);
    const { info } = await openImages(sealed.bytes, identity);
    const { sealedLabels } = await openImages(other.bytes, identity);
    await expect(openLabels(sealedLabels, identity, info)).rejects.toThrow(
      /labels\.npy\.age: does not belong to these images/,
    );
  });
});

test('each cause has its own message, naming the file and what to do', async () => {
  const stranger = await generateX25519Identity();
  await expect(openImages(sealed.bytes, stranger, 'a.age')).rejects.toThrow(
    `a.age: is not sealed for the key ${await publicKeyOf(stranger)}`,
  );
  await expect(openImages(sealed.bytes.subarray(0, 50_000), identity, 'a.age')).rejects.toThrow(
    /a\.age: is damaged: it was altered or truncated/,
  );
  await expect(openImages(Buffer.from('a letter'), identity, 'a.age')).rejects.toThrow(
    /a\.age: is not an age file/,
  );
  await expect(openImages(new Uint8Array(), identity, 'a.age')).rejects.toThrow(/a\.age: is not an age file/);
});

test('an invalid secret key is rejected and not repeated', async () => {
  for (const key of [recipient, '', `${identity.slice(0, -1)}!`, identity.toLowerCase(), 'hunter2']) {
    const error = await openImages(sealed.bytes, key).catch((refused) => refused);
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toContain('AGE-SECRET-KEY-1');
    if (key !== '') expect(error.message).not.toContain(key);
  }
});

describe('a file that someone else encrypted is accepted only if it is a withheld set', () => {
  const images = formatNpy('uint8', new Uint8Array(2 * 3072), [2, 32, 32, 3]);
  /** Returns a set of two images in which the given parts replace the good ones. */
  async function setOf(parts: {
    labels?: Uint8Array;
    images?: Uint8Array;
    info?: Record<string, unknown>;
    members?: (good: [string, Uint8Array][]) => [string, Uint8Array][];
  }): Promise<Uint8Array> {
    const labels = await encrypt(parts.labels ?? formatNpy('uint8', Uint8Array.from([0, 1]), [2]), recipient);
    const info: WithheldInfo = {
      schemaVersion: 1,
      name: 'two',
      classes: ['a', 'b'],
      imageShape: [32, 32, 3],
      testSize: 2,
      seed: 1,
      source: { kind: 'folder', description: 'two', sha256: '0'.repeat(64) },
      sha256: { 'images.npy': sha256(parts.images ?? images), 'labels.npy.age': sha256(labels) },
    };
    const good: [string, Uint8Array][] = [
      ['track.json', Buffer.from(JSON.stringify({ ...info, ...parts.info }))],
      ['images.npy', parts.images ?? images],
      ['labels.npy.age', labels],
    ];
    return encrypt(packTar(new Map(parts.members?.(good) ?? good)), recipient);
  }
  const array = (values: number[]) => formatNpy('uint8', Uint8Array.from(values), [values.length]);

  test('the valid one opens', async () => {
    expect(await openAll(await setOf({}))).toEqual([0, 1]);
  });

  test.each([
    ['no archive', async () => encrypt(Buffer.from('a letter'), recipient), /does not contain a tar archive/],
    ['an empty archive', async () => setOf({ members: () => [] }), /it contains no files/],
    [
      'no labels',
      async () => setOf({ members: (good) => good.slice(0, 2) }),
      /it contains track.json, images.npy;/,
    ],
    [
      'an additional file',
      async () => setOf({ members: (good) => [...good, ['labels.npy', images]] }),
      /it contains/,
    ],
    [
      'info that is not JSON',
      async () => setOf({ members: ([, ...rest]) => [['track.json', images], ...rest] }),
      /not JSON/,
    ],
    [
      'info with an unknown field',
      async () => setOf({ info: { labels: [0, 1] } }),
      /does not describe.*labels/,
    ],
    [
      'info of another size',
      async () => setOf({ info: { testSize: 3 } }),
      /images\.npy: is not the expected array/,
    ],
    [
      'images of another hash',
      async () =>
        setOf({ info: { sha256: { 'images.npy': '0'.repeat(64), 'labels.npy.age': '0'.repeat(64) } } }),
      /images\.npy: does not belong to these images/,
    ],
    [
      'images that are not an array',
      async () => setOf({ images: Buffer.from('pixels') }),
      /images\.npy: is not the expected array/,
    ],
    [
      'labels that are not an array',
      async () => setOf({ labels: Buffer.from([0, 1]) }),
      /labels\.npy\.age: is not the expected array/,
    ],
    [
      'too few labels',
      async () => setOf({ labels: array([0]) }),
      /labels\.npy\.age: is not the expected array/,
    ],
    [
      'too many labels',
      async () => setOf({ labels: array([0, 1, 0]) }),
      /labels\.npy\.age: is not the expected array/,
    ],
    [
      'a label beyond the classes',
      async () => setOf({ labels: array([0, 2]) }),
      /the label at row 1 is not one of the 2 classes/,
    ],
  ])('%s', async (_, make, reason) => {
    const refused = await openAll(await make());
    expect(refused).toBeInstanceOf(UserError);
    expect((refused as Error).message).toMatch(reason);
  });
});
