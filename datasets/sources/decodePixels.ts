import sharp from 'sharp';

/** Pixels of the largest image that is decoded, the default of sharp. */
export const MOST_PIXELS = 0x3fff * 0x3fff;

/**
 * Decodes an image to uint8 [32, 32, 3]. Of an animation or of several pages, the first image is taken.
 *
 * @param input the path of a file, or its content
 * @throws Error of sharp if it is not a complete image
 */
export function decodePixels(input: string | Uint8Array): Promise<Uint8Array> {
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
