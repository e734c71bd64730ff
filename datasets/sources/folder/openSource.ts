import { stat } from 'node:fs/promises';
import { UserError } from '../../userError.ts';
import { identify } from './identify.ts';
import { type Listing, listFolder, type Place, sourcePlace } from './listFolder.ts';

export const layoutRemedy =
  'Expected one subfolder per class, named after it, with the images of that class directly inside, or such folders in train/ and test/, or --labels with a table.';

/**
 * Lists the folder of a source.
 *
 * @throws UserError if it cannot be read or is not a folder
 */
export async function openSource(from: string): Promise<{ place: Place; listing: Listing }> {
  const place = sourcePlace(from);
  try {
    return { place, listing: await listFolder(place) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTDIR') {
      throw new UserError({ path: from, reason: `cannot be read (${code})`, remedy: layoutRemedy });
    }
    const isFile = (await stat(from)).isFile();
    const identity = isFile ? await identify(from).catch(() => undefined) : undefined;
    throw new UserError({
      path: from,
      reason: `is a file, not a folder${identity === undefined ? '' : ` (it is ${identity.is})`}`,
      remedy: /archive/.test(identity?.is ?? '') ? 'Unpack it and give the folder.' : layoutRemedy,
    });
  }
}
