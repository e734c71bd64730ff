import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { generateX25519Identity } from 'age-encryption';
import { formatNpy } from '../../../datasets/npy.ts';
import { publicKeyOf } from '../../../datasets/sealing/age.ts';
import { checkPublic } from '../../../datasets/sealing/checkPublic.ts';
import { openImages } from '../../../datasets/sealing/openSealed.ts';
import { readSealedTrack, writeSealedTrack } from '../../../datasets/sealing/sealedTrack.ts';
import { type SealedSet, type SealTo, sealTrack } from '../../../datasets/sealing/sealTrack.ts';
import { sha256 } from '../../../datasets/sha256.ts';
import { trackFiles } from '../../../datasets/track.ts';
import { UserError } from '../../../datasets/userError.ts';
import { temporaryFolder } from '../temporaryFolder.ts';
import { numberedTrack } from './numberedTrack.ts';

const folder = temporaryFolder();
const truth = Array.from({ length: 30 }, (_, index) => index % 10);
let identity: string;
let trackDir: string;
let to: SealTo;
let sealed: SealedSet;
let dir: string;
beforeEach(async () => {
  identity = await generateX25519Identity();
  trackDir = await numberedTrack(join(folder.path, 'track'), truth);
  const images = await publicKeyOf(await generateX25519Identity());
  to = { organizer: await publicKeyOf(identity), images };
  sealed = await sealTrack(trackDir, to);
  dir = join(folder.path, 'public');
  await writeSealedTrack(dir, { trackDir, withheld: sealed.bytes, to });
});

test('a sealed Track has an unencrypted training half, and opens with the key', async () => {
  const { info, withheld } = await readSealedTrack(dir);
  expect(info).toMatchObject({ trainSize: 4, testSize: 30, imageShape: [32, 32, 3] });
  for (const file of [trackFiles.trainImages, trackFiles.trainLabels]) {
    expect(await readFile(join(dir, file))).toEqual(await readFile(join(trackDir, file)));
  }
  expect((await openImages(withheld, identity)).info).toEqual(sealed.info);
});

test('it reveals neither a label nor how the Track was drawn', async () => {
  const names = (await readdir(dir, { recursive: true })).sort();
  expect(names).toEqual(['track.json', 'train', 'train/images.npy', 'train/labels.npy', 'withheld.age']);
  const { sha256: hashes } = JSON.parse(await readFile(join(trackDir, 'track.json'), 'utf8'));
  const secrets = [
    Buffer.from(truth),
    ...['271828', 'secret place', 'abcdef01', 'folder', 'seed'],
    ...[hashes[trackFiles.testImages], hashes[trackFiles.testLabels], ...Object.values(sealed.info.sha256)],
  ];
  for (const name of ['track.json', 'train/images.npy', 'train/labels.npy', 'withheld.age']) {
    const bytes = await readFile(join(dir, name));
    expect(secrets.filter((secret) => bytes.includes(secret as string))).toEqual([]);
  }
});

test('it has the given name', async () => {
  const named = join(folder.path, 'named');
  await writeSealedTrack(named, { trackDir, withheld: sealed.bytes, to, name: 'Contest 2026' });
  expect((await readSealedTrack(named)).info.name).toBe('Contest 2026');
  expect((await readSealedTrack(dir)).info.name).toBe('Sealed Track: 10 classes, 4 + 30 images');
});

test('it names the keys it was sealed to', async () => {
  expect((await readSealedTrack(dir)).info.sealed).toMatchObject(to);
});

test('a folder that exists is not changed', async () => {
  await expect(writeSealedTrack(trackDir, { trackDir, withheld: sealed.bytes, to })).rejects.toThrow(
    UserError,
  );
  expect(await readdir(trackDir)).not.toContain('withheld.age');
});

test('one that an older version sealed to a single key is rejected, with the remedy to seal it again', async () => {
  const path = join(dir, trackFiles.info);
  const { sealed: part, ...info } = JSON.parse(await readFile(path, 'utf8'));
  const { organizer, images, ...single } = part;
  await writeFile(path, JSON.stringify({ ...info, schemaVersion: 1, sealed: single }));
  await expect(readSealedTrack(dir)).rejects.toThrow(
    /schemaVersion.*Seal the Track again with `haet seal TRACK --to KEY --images-to KEY/,
  );
});

describe('only a sealed Track may be published:', () => {
  test('an unchanged one is accepted', async () => {
    expect(await checkPublic(dir)).toEqual((await readSealedTrack(dir)).info);
  });

  test.each(['labels.npy', 'test/images.npy', 'train/more.npy', 'identity.txt'])(
    'one with %s is rejected',
    async (file) => {
      await mkdir(dirname(join(dir, file)), { recursive: true });
      await writeFile(join(dir, file), 'secret');
      await expect(checkPublic(dir)).rejects.toThrow(/contains ".*", which is not part of a sealed Track/);
    },
  );

  test('a Track with unencrypted labels is rejected', async () => {
    await expect(checkPublic(trackDir)).rejects.toThrow(UserError);
  });

  test('a missing folder is rejected', async () => {
    await expect(checkPublic(join(dir, 'nowhere'))).rejects.toThrow(/nowhere\/track\.json: cannot be read/);
  });
});

describe('rejects an incomplete sealed Track:', () => {
  const reading = () => readSealedTrack(dir).catch((refused) => refused);

  test.each(['train/images.npy', 'train/labels.npy', 'withheld.age'])(
    '%s changed or missing',
    async (file) => {
      const path = join(dir, file);
      const bytes = await readFile(path);
      bytes[bytes.length - 1]! ^= 1;
      await writeFile(path, bytes);
      expect((await reading()).message).toMatch(`${path}: has changed since the Track was sealed`);
      await rm(path);
      expect((await reading()).message).toMatch(`${path}: cannot be read (ENOENT)`);
      expect(await reading()).toBeInstanceOf(UserError);
    },
  );

  test('files with valid hashes that do not match track.json', async () => {
    const good = JSON.parse(await readFile(join(dir, 'track.json'), 'utf8'));
    const labels = formatNpy('uint8', Uint8Array.from([0, 1, 0, 10]), [4]);
    await writeFile(join(dir, 'train/labels.npy'), labels);
    good.sha256[trackFiles.trainLabels] = sha256(labels);
    await writeFile(join(dir, 'track.json'), JSON.stringify(good));
    expect((await reading()).message).toMatch(/the label at row 3 is not one of the 10 classes/);
    await writeFile(join(dir, 'track.json'), JSON.stringify({ ...good, trainSize: 5 }));
    expect((await reading()).message).toMatch(/images\.npy: is not the expected array/);
  });

  test('a Track that was never sealed, or another file', async () => {
    const refused = await readSealedTrack(trackDir).catch((error) => error);
    expect(refused).toBeInstanceOf(UserError);
    expect(refused.message).toMatch(/is not that of a sealed Track.*haet seal TRACK/);
    await writeFile(join(dir, 'track.json'), '{');
    expect((await reading()).message).toMatch(/not JSON/);
    expect(await readSealedTrack(folder.path).catch((error) => error)).toBeInstanceOf(UserError);
  });
});
