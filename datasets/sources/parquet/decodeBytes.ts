import sharp from 'sharp';

/**
 * Decodes the content of an image file to uint8 [32, 32, 3], by the same steps as image files in folders.
 *
 * @throws Error if it is not a complete image
 */
export function decodeBytes(content: Uint8Array): Promise<Uint8Array> {
  return sharp(content, { failOn: 'error' })
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .resize(32, 32, { fit: 'cover', kernel: 'lanczos3', fastShrinkOnLoad: false })
    .removeAlpha()
    .raw()
    .toBuffer();
}
