import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { UserError } from '../../userError.ts';
import { decodePixels, MOST_PIXELS, UnscaledImage } from '../decodePixels.ts';
import { type Identity, identify } from './identify.ts';
import { readRemedy } from './listFolder.ts';

/**
 * Decodes an image file to uint8 [32, 32, 3]. Of an animation or of several pages, the first image is taken.
 *
 * @param path bytes if the name is not UTF-8
 * @param shown the name in messages
 * @throws UserError if it is not a complete image in a format that is read
 */
export async function decodeImage(path: string | Buffer, shown = path.toString()): Promise<Uint8Array> {
  try {
    // sharp takes bytes for the content of an image, not for its path.
    return await decodePixels(typeof path === 'string' ? path : await readFile(path));
  } catch (error) {
    throw await explain(path, shown, error as Error);
  }
}

/**
 * Says why a file was not decoded, by looking at its content: libvips has one buffer of messages for all images that
 * are decoded at the same time, so that its message may be about another file.
 */
async function explain(path: string | Buffer, shown: string, error: Error): Promise<UserError> {
  if (error instanceof UnscaledImage) {
    return new UserError({
      path: shown,
      reason: `is not a readable image (${error.message})`,
      remedy: 'Scale the values to 0 to 255 and save as PNG.',
    });
  }
  let identity: Identity;
  try {
    identity = await identify(path);
  } catch (fault) {
    return new UserError({
      path: shown,
      reason: `cannot be read (${(fault as NodeJS.ErrnoException).code})`,
      remedy: readRemedy,
    });
  }
  const { is, remedy, format } = identity;
  if (format !== undefined && error.message.includes('exceeds pixel limit') && (await isTooLarge(path))) {
    return new UserError({
      path: shown,
      reason: `is not a readable image (it is ${is} of more than ${Math.round(MOST_PIXELS / 1e6)} million pixels)`,
      remedy: 'Scale it down.',
    });
  }
  return new UserError({
    path: shown,
    reason: `is not a readable image (it is ${is}${format === undefined ? '' : ', cut off or damaged'})`,
    remedy,
  });
}

async function isTooLarge(path: string | Buffer): Promise<boolean> {
  try {
    const input = typeof path === 'string' ? path : await readFile(path);
    const { width, height } = await sharp(input, { limitInputPixels: false }).metadata();
    return width * height > MOST_PIXELS;
  } catch {
    return false;
  }
}
