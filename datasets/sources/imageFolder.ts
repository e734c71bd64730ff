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
 * Reads a folder of images by class: `from`/CLASS/IMAGE, any format that sharp decodes. Classes stand in the order of
 * their names, images in the order of theirs (by code unit, whatever the locale). Names that begin with a dot are
 * passed over, and so are plain files beside the class folders.
 *
 * Each image is turned as its EXIF orientation says, converted to sRGB, laid on white where it is transparent, and cut
 * to a centred square of 32 x 32 pixels.
 *
 * @throws UserError naming the folder or image and what is wrong with it
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
 * @throws UserError when it is not a whole image
 */
export async function decodeImage(path: string): Promise<Uint8Array> {
  try {
    return await sharp(path, { failOn: 'error' })
      .autoOrient()
      .flatten({ background: '#ffffff' })
      // sharp may shrink inside the JPEG decoder, quicker and with some moire: here lanczos3 filters all pixels.
      .resize(32, 32, { fit: 'cover', kernel: 'lanczos3', fastShrinkOnLoad: false })
      .removeAlpha()
      .raw()
      .toBuffer();
  } catch (error) {
    throw new UserError({
      path,
      reason: `is not an image that can be read (${describeFault(error)})`,
      remedy: 'Replace it or take it out, and run this again.',
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
  if (visible.length === 0) throw new UserError({ path: folder, reason: 'holds no image', remedy: layout });
  return visible
    .map((entry) => ({ path: join(folder, entry.name), label }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}
