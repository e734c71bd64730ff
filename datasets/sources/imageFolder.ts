import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join, resolve } from 'node:path';
import pMap from 'p-map';
import sharp from 'sharp';
import { describeFault } from '../describeFault.ts';
import { IMAGE_BYTES, type Source } from '../source.ts';
import { UserError } from '../userError.ts';

const layout =
  'Expected one subfolder per class, named after it, with the images of that class directly inside (JPEG, PNG, WebP, ...).';

/**
 * Reads a folder of images by class: `from`/CLASS/IMAGE, any format that sharp decodes. Classes and images are sorted
 * by name (by code unit, independent of the locale). Names that start with a dot and files beside the class folders
 * are skipped.
 *
 * Each image is rotated by its EXIF orientation, converted to sRGB, composited on white, and cropped and scaled to a
 * centred 32 x 32 square.
 *
 * @throws UserError that names the folder or image and what is wrong with it
 */
export async function readImageFolder(options: { from: string }): Promise<Source> {
  const { from } = options;
  const classes = await listClasses(from);
  const files = (await Promise.all(classes.map((name, label) => listImages(join(from, name), label)))).flat();
  const images = new Uint8Array(files.length * IMAGE_BYTES);
  await pMap(files, async ({ path }, index) => images.set(await decodeImage(path), index * IMAGE_BYTES), {
    concurrency: availableParallelism(),
  });
  return {
    kind: 'folder',
    description: `images in ${basename(resolve(from))}`,
    classes,
    train: { images, labels: Uint8Array.from(files, ({ label }) => label) },
  };
}

/**
 * Decodes an image file to uint8 [32, 32, 3].
 *
 * @throws UserError if it is not a complete image
 */
export async function decodeImage(path: string): Promise<Uint8Array> {
  try {
    return await sharp(path, { failOn: 'error' })
      .autoOrient()
      .flatten({ background: '#ffffff' })
      // Disables shrink-on-load, which is faster but causes moire; lanczos3 filters all pixels.
      .resize(32, 32, { fit: 'cover', kernel: 'lanczos3', fastShrinkOnLoad: false })
      .removeAlpha()
      .raw()
      .toBuffer();
  } catch (error) {
    throw new UserError({
      path,
      reason: `is not a readable image (${describeFault(error)})`,
      remedy: 'Replace or remove it and run the command again.',
    });
  }
}

async function listClasses(from: string): Promise<string[]> {
  const entries = await readdir(from, { withFileTypes: true }).catch((error) => {
    const reason = error.code === 'ENOTDIR' ? 'is a file, not a folder' : `cannot be read (${error.code})`;
    throw new UserError({ path: from, reason, remedy: layout });
  });
  const names = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort();
  if (names.length < 2 || names.length > 256) {
    throw new UserError({
      path: from,
      reason: `has ${names.length} class folders; expected 2 to 256`,
      remedy: layout,
    });
  }
  return names;
}

async function listImages(folder: string, label: number): Promise<{ path: string; label: number }[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const visible = entries.filter((entry) => !entry.name.startsWith('.'));
  const nested = visible.find((entry) => entry.isDirectory());
  if (nested !== undefined) {
    throw new UserError({
      path: join(folder, nested.name),
      reason: 'is a folder inside a class folder',
      remedy: layout,
    });
  }
  if (visible.length === 0)
    throw new UserError({ path: folder, reason: 'contains no image', remedy: layout });
  return visible
    .map((entry) => ({ path: join(folder, entry.name), label }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}
