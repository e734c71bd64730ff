import { open } from 'node:fs/promises';
import sharp from 'sharp';

/** Pixels of the largest image that is decoded, the default of sharp. */
export const MOST_PIXELS = 0x3fff * 0x3fff;

/** An image whose values are not on the scale from black to white; the message follows "is not a readable image (". */
export class UnscaledImage extends Error {}

/**
 * Decodes an image to uint8 [32, 32, 3]. Of an animation or of several pages, the first image is taken.
 *
 * @param input the path of a file, or its content
 * @throws UnscaledImage for a TIFF file of floating-point or 32-bit numbers, as measurements are stored
 * @throws Error of sharp if it is not a complete image
 */
export async function decodePixels(input: string | Uint8Array): Promise<Uint8Array> {
  if (isTiff(await startOf(input))) await checkScale(input);
  return (
    sharp(input, { failOn: 'error', limitInputPixels: MOST_PIXELS })
      .autoOrient()
      .flatten({ background: '#ffffff' })
      // Disables shrink-on-load, which is faster but causes moire; lanczos3 filters all pixels.
      .resize(32, 32, { fit: 'cover', kernel: 'lanczos3', fastShrinkOnLoad: false })
      .removeAlpha()
      .raw()
      .toBuffer()
  );
}

/** sharp takes such values for numbers from 0 to 255, so that the image becomes black or white. */
async function checkScale(input: string | Uint8Array): Promise<void> {
  const { depth } = await sharp(input, { limitInputPixels: MOST_PIXELS }).metadata();
  if (depth === 'uchar' || depth === 'ushort') return;
  throw new UnscaledImage(`it is a TIFF image of ${depth} values, for which black and white are not defined`);
}

const isTiff = (start: Uint8Array): boolean =>
  /^(?:II[*+]\0|MM\0[*+])/.test(Buffer.from(start).toString('latin1'));

async function startOf(input: string | Uint8Array): Promise<Uint8Array> {
  if (typeof input !== 'string') return input.subarray(0, 4);
  const file = await open(input);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
