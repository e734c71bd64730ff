import { join } from 'node:path';
import { makeIdentity } from '../../datasets/sealing/makeIdentity.ts';
import { writeSealedTrack } from '../../datasets/sealing/sealedTrack.ts';
import { sealTrack } from '../../datasets/sealing/sealTrack.ts';
import { makeTinyTrack } from '../../evaluator/selfTest/tinyTrack.ts';

export interface SealedTiny {
  /** Folder of the sealed Track. */
  readonly dir: string;
  /** Files with the secret keys. */
  readonly identity: string;
  readonly imagesKey: string;
}

/** Creates the tiny Track of the self-test, sealed to two new keys, in a folder of its own. */
export async function sealedTiny(folder: string, testSize = 1000): Promise<SealedTiny> {
  const { dir: trackDir } = await makeTinyTrack(folder, testSize);
  const [identity, imagesKey] = [join(folder, 'identity.txt'), join(folder, 'images-key.txt')];
  const to = {
    organizer: await makeIdentity(identity, 'a test'),
    images: await makeIdentity(imagesKey, 'a test'),
  };
  const { bytes } = await sealTrack(trackDir, to);
  const dir = join(folder, 'sealed-track');
  await writeSealedTrack(dir, { trackDir, withheld: bytes, to });
  return { dir, identity, imagesKey };
}
