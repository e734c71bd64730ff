import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeNpy } from '../../datasets/npy.ts';
import { randomFrom } from '../../datasets/random.ts';
import { IMAGE_BYTES } from '../../datasets/source.ts';
import { type TrackInfo, trackFiles } from '../../datasets/track.ts';

const trainSize = 20;

/** Makes a Track of noise, no two images alike, whose labels are 0, 1, ... 9, 0, 1, ... in the folder `track` of a folder. */
export async function makeTinyTrack(
  folder: string,
  testSize = 1000,
): Promise<{ dir: string; info: TrackInfo }> {
  const dir = join(folder, 'track');
  await mkdir(join(dir, 'train'), { recursive: true });
  await mkdir(join(dir, 'test'));
  const random = randomFrom(1);
  const images = (size: number) => Uint8Array.from({ length: size * IMAGE_BYTES }, () => random.next() & 255);
  const labels = (size: number) => Uint8Array.from({ length: size }, (_, index) => index % 10);
  await writeNpy(join(dir, trackFiles.trainImages), 'uint8', images(trainSize), [trainSize, 32, 32, 3]);
  await writeNpy(join(dir, trackFiles.trainLabels), 'uint8', labels(trainSize), [trainSize]);
  await writeNpy(join(dir, trackFiles.testImages), 'uint8', images(testSize), [testSize, 32, 32, 3]);
  await writeNpy(join(dir, trackFiles.testLabels), 'uint8', labels(testSize), [testSize]);
  const sha256: TrackInfo['sha256'] = {};
  for (const file of Object.values(trackFiles)) {
    if (file === trackFiles.info) continue;
    sha256[file] = createHash('sha256')
      .update(await readFile(join(dir, file)))
      .digest('hex');
  }
  const info: TrackInfo = {
    schemaVersion: 1,
    name: 'tiny',
    classes: Array.from({ length: 10 }, (_, index) => `class ${index}`),
    imageShape: [32, 32, 3],
    trainSize,
    testSize,
    seed: 1,
    source: { kind: 'synthetic', description: 'noise', sha256: '0'.repeat(64) },
    sha256,
  };
  await writeFile(join(dir, trackFiles.info), JSON.stringify(info));
  return { dir, info };
}
