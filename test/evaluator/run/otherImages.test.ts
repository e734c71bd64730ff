import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeIdentity } from '../../../datasets/sealing/makeIdentity.ts';
import { writeSealedTrack } from '../../../datasets/sealing/sealedTrack.ts';
import { sealTrack } from '../../../datasets/sealing/sealTrack.ts';
import { trackFiles } from '../../../datasets/track.ts';
import { openRunTrack, type RunTrack } from '../../../evaluator/run/runTrack.ts';
import { numberedTrack, numbersOf } from '../../datasets/sealing/numberedTrack.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';

const folder = temporaryFolder();
const chosen = Uint32Array.of(2, 0, 2, 1);
const numbersAt = async (path: string) => numbersOf(await readFile(path));
let trackDir: string;
let track: RunTrack;
beforeEach(async () => {
  trackDir = await numberedTrack(join(folder.path, 'track'), [0, 1, 2, 3]);
});
afterEach(() => track.close());

describe('other test images for the second predict run', () => {
  test('of an open Track are in a separate folder, readable by the entry until it is closed; the Track does not change', async () => {
    track = await openRunTrack(trackDir);
    expect(await numbersAt(await track.withheld.images())).toEqual([0, 1, 2, 3]);
    const other = await track.withheld.otherImages(chosen);
    expect(await numbersAt(other)).toEqual([2, 0, 2, 1]);
    expect((await stat(other)).mode & 0o777).toBe(0o644);
    await track.withheld.shut();
    expect(existsSync(other)).toBe(false);
    expect(await numbersAt(join(trackDir, trackFiles.testImages))).toEqual([0, 1, 2, 3]);
    expect(await track.withheld.change()).toBeNull();
  });

  test('of a sealed Track replace the first ones, so that those are nowhere unencrypted', async () => {
    const imagesKey = join(folder.path, 'images-key.txt');
    const to = {
      organizer: await makeIdentity(join(folder.path, 'identity.txt'), 'a test'),
      images: await makeIdentity(imagesKey, 'a test'),
    };
    const sealed = await sealTrack(trackDir, to);
    const dir = join(folder.path, 'public');
    await writeSealedTrack(dir, { trackDir, withheld: sealed.bytes, to });
    track = await openRunTrack(dir, imagesKey);

    const path = await track.withheld.images();
    const before = await numbersAt(path);
    const { mode } = await stat(path);
    expect(await track.withheld.otherImages(chosen)).toBe(path);
    expect(await numbersAt(path)).toEqual([...chosen].map((image) => before[image]));
    expect((await stat(path)).mode).toBe(mode);
    expect(track.withheld.labels).toBeNull();
    await track.withheld.shut();
    expect(existsSync(path)).toBe(false);
  });
});
