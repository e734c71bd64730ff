import { rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { makeOwnFolder, unusableTemporary } from './ownNames.ts';

/** A run puts copies of the test images there: 3 MB for 1,000. */
const leastBytes = 16 * 2 ** 20;

/**
 * Checks that files can be made in the temporary folder.
 * @throws UserError that names the folder and the variable to set
 */
export async function requireTemporaryFolder(): Promise<void> {
  const folder = await makeOwnFolder('probe');
  await rm(folder, { recursive: true, force: true });
  const above = resolve(tmpdir());
  const { bavail, bsize } = await statfs(above);
  if (bavail * bsize < leastBytes) {
    throw unusableTemporary(
      above,
      new Error(`${bavail * bsize} bytes are free, and a run needs ${leastBytes}`),
    );
  }
}
