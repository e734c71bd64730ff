import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { parseNpy } from '../../../datasets/npy.ts';
import { makeIdentity } from '../../../datasets/sealing/makeIdentity.ts';
import { openImages, openLabels } from '../../../datasets/sealing/openSealed.ts';
import { readIdentity } from '../../../datasets/sealing/readIdentity.ts';
import { sealTrack } from '../../../datasets/sealing/sealTrack.ts';
import { temporaryFolder } from '../temporaryFolder.ts';
import { numberedTrack, numbersOf } from './numberedTrack.ts';

const folder = temporaryFolder();
const truth = Array.from({ length: 30 }, (_, index) => (index * 7) % 10);
const { failed: missing } = await execa('age', ['--version'], { reject: false });
const suite = missing ? describe.skip : describe;
const run = (program: string, words: string[], input?: Uint8Array) =>
  execa(program, words, { cwd: folder.path, encoding: 'buffer', ...(input && { input }) });

suite('together with the age tool (skipped where `age` is not installed)', () => {
  test('age and tar open a file sealed here, with an identity created here', async () => {
    const recipient = await makeIdentity(join(folder.path, 'identity.txt'), 'a test');
    const said = await run('age-keygen', ['-y', 'identity.txt']);
    expect(Buffer.from(said.stdout).toString().trim()).toBe(recipient);

    const to = {
      organizer: recipient,
      images: await makeIdentity(join(folder.path, 'images-key.txt'), 'a test'),
    };
    const { bytes } = await sealTrack(await numberedTrack(join(folder.path, 'track'), truth), to);
    await writeFile(join(folder.path, 'withheld.age'), bytes);
    const archive = await run('age', ['-d', '-i', 'identity.txt', 'withheld.age']);
    const listed = await run('tar', ['--utc', '--full-time', '-tvf', '-'], archive.stdout);
    expect(Buffer.from(listed.stdout).toString().trim().split('\n')).toEqual([
      expect.stringMatching(/^-rw-r--r-- 0\/0 +\d+ 1970-01-01 00:00:00 track\.json$/),
      expect.stringMatching(/^-rw-r--r-- 0\/0 +\d+ 1970-01-01 00:00:00 images\.npy$/),
      expect.stringMatching(/^-rw-r--r-- 0\/0 +\d+ 1970-01-01 00:00:00 labels\.npy\.age$/),
    ]);
    await run('tar', ['-xf', '-'], archive.stdout);
    const plain = await run('age', ['-d', '-i', 'identity.txt', 'labels.npy.age']);
    const labels = parseNpy('labels', plain.stdout, { dtype: 'uint8', shape: [30] }).data;
    const numbers = numbersOf(await readFile(join(folder.path, 'images.npy')));
    expect([...labels]).toEqual(numbers.map((number) => truth[number]));
  });

  test('a file made by tar and age opens here, with an identity of age-keygen', async () => {
    await run('age-keygen', ['-o', 'identity.txt']);
    const identity = await readIdentity(join(folder.path, 'identity.txt'));
    const { stdout } = await run('age-keygen', ['-y', 'identity.txt']);
    const recipient = Buffer.from(stdout).toString().trim();
    const to = {
      organizer: recipient,
      images: await makeIdentity(join(folder.path, 'images-key.txt'), 'a test'),
    };
    const { bytes } = await sealTrack(await numberedTrack(join(folder.path, 'track'), truth), to);
    await mkdir(join(folder.path, 'parts'));
    await writeFile(join(folder.path, 'sealed.age'), bytes);
    const archive = await run('age', ['-d', '-i', 'identity.txt', 'sealed.age']);
    await run('tar', ['-xf', '-', '-C', 'parts'], archive.stdout);

    const members = ['track.json', 'images.npy', 'labels.npy.age'];
    const packed = await run('tar', ['-cf', '-', '-C', 'parts', ...members]);
    await run('age', ['-r', recipient, '-o', 'again.age'], packed.stdout);
    const again = await readFile(join(folder.path, 'again.age'));
    const { info, images, sealedLabels } = await openImages(again, identity);
    const labels = await openLabels(sealedLabels, identity, info);
    expect([...labels]).toEqual(numbersOf(images).map((number) => truth[number]));
  });
});
