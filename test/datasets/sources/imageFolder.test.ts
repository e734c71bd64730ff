import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { decodeImage } from '../../../datasets/sources/folder/decodeImage.ts';
import { readImageFolder } from '../../../datasets/sources/imageFolder.ts';
import { temporaryFolder } from '../temporaryFolder.ts';

const folder = temporaryFolder();
const at = (pixels: Uint8Array, y: number, x: number) => [
  ...pixels.subarray((y * 32 + x) * 3, (y * 32 + x) * 3 + 3),
];
const plain = (colour: string, width = 40, height = 40) =>
  sharp({ create: { width, height, channels: 3, background: colour } });

/** Returns an image with a red left and a blue right half. */
const halves = (width: number, height: number) =>
  sharp(
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="${width / 2}" height="${height}" fill="red"/><rect x="${width / 2}" width="${width / 2}" height="${height}" fill="blue"/></svg>`,
    ),
  );

async function classes(): Promise<void> {
  for (const name of ['zebra', 'Ant', 'mouse']) {
    await mkdir(join(folder.path, name));
    for (const number of [10, 9]) {
      await plain(`rgb(${number},${name.charCodeAt(0)},0)`)
        .png()
        .toFile(join(folder.path, name, `${number}.png`));
    }
  }
}
const read = () => readImageFolder({ from: folder.path });

test('orders classes and images by name, in any locale', async () => {
  await classes();
  await writeFile(join(folder.path, 'zebra', '.DS_Store'), 'x');
  await writeFile(join(folder.path, 'README.txt'), 'x');
  const { classes: names, train } = await read();
  expect(names).toEqual(['Ant', 'mouse', 'zebra']);
  expect([...train.labels]).toEqual([0, 0, 1, 1, 2, 2]);
  expect(
    [...train.labels.keys()].map((row) => [...train.images.subarray(row * 3072, row * 3072 + 2)]),
  ).toEqual([
    [10, 65],
    [9, 65],
    [10, 109],
    [9, 109],
    [10, 122],
    [9, 122],
  ]);
});

test.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)('%s is decoded', async (format) => {
  const path = join(folder.path, `image.${format}`);
  await halves(64, 64).toFormat(format).toFile(path);
  const pixels = await decodeImage(path);
  expect(pixels).toHaveLength(3072);
  const [red, , blue] = at(pixels, 16, 4);
  expect(red! - blue!).toBeGreaterThan(200);
});

test('grey, transparent, 16-bit, palette and CMYK images become RGB', async () => {
  const path = join(folder.path, 'image');
  await plain('#808080').toColourspace('b-w').png().toFile(path);
  expect(at(await decodeImage(path), 5, 5)).toEqual([128, 128, 128]);
  await sharp({ create: { width: 40, height: 40, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0 } } })
    .png()
    .toFile(path);
  expect(at(await decodeImage(path), 5, 5)).toEqual([255, 255, 255]);
  await plain('#ff0000').toColourspace('rgb16').png().toFile(path);
  expect(at(await decodeImage(path), 5, 5)).toEqual([255, 0, 0]);
  await plain('#ff0000').png({ palette: true }).toFile(path);
  expect(at(await decodeImage(path), 5, 5)).toEqual([255, 0, 0]);
  await plain('#ff0000').toColourspace('cmyk').jpeg().toFile(path);
  expect(at(await decodeImage(path), 5, 5)[0]).toBeGreaterThan(200);
});

test('crops wide and tall images to the centre without distortion', async () => {
  const path = join(folder.path, 'image.png');
  const wide = `<svg xmlns="http://www.w3.org/2000/svg" width="128" height="64"><rect width="128" height="64" fill="red"/><rect x="32" width="64" height="64" fill="blue"/></svg>`;
  await sharp(Buffer.from(wide)).png().toFile(path);
  const pixels = await decodeImage(path);
  for (const x of [2, 16, 29]) expect(at(pixels, 16, x)[2]).toBeGreaterThan(250);
});

test('rotates by EXIF orientation', async () => {
  const path = join(folder.path, 'image.jpg');
  // Orientation 3: upside down.
  await halves(64, 64).jpeg().withMetadata({ orientation: 3 }).toFile(path);
  const pixels = await decodeImage(path);
  expect(at(pixels, 16, 4)[2]).toBeGreaterThan(200);
  expect(at(pixels, 16, 28)[0]).toBeGreaterThan(200);
});

test.each(['png', 'jpeg'] as const)(
  'lines finer than a pixel become an even grey, without moire (%s)',
  async (format) => {
    const size = 500;
    const lines = Buffer.from({ length: size * size * 3 } as ArrayLike<number>);
    for (let i = 0; i < size * size; i++) lines.fill((i % size) % 2 === 0 ? 255 : 0, i * 3, i * 3 + 3);
    const path = join(folder.path, `lines.${format}`);
    await sharp(lines, { raw: { width: size, height: size, channels: 3 } })
      .toFormat(format, { quality: 100 })
      .toFile(path);
    const pixels = await decodeImage(path);
    const inner = Array.from({ length: 28 }, (_, column) => at(pixels, 16, column + 2)).flat();
    expect(Math.max(...inner) - Math.min(...inner)).toBeLessThan(16);
  },
);

describe('rejects, with the file and the reason:', () => {
  test('a missing folder, or a file', async () => {
    await expect(readImageFolder({ from: join(folder.path, 'none') })).rejects.toThrow(
      /none: cannot be read \(ENOENT\)/,
    );
    await writeFile(join(folder.path, 'file'), '');
    await expect(readImageFolder({ from: join(folder.path, 'file') })).rejects.toThrow(
      /is a file, not a folder/,
    );
  });

  test('fewer than two classes', async () => {
    await classes();
    await rm(join(folder.path, 'Ant'), { recursive: true });
    await rm(join(folder.path, 'mouse'), { recursive: true });
    await expect(read()).rejects.toThrow(/has 1 class folders; expected 2 to 256/);
  });

  test('a class without an image', async () => {
    await classes();
    await mkdir(join(folder.path, 'yak'));
    await expect(read()).rejects.toThrow(/yak: contains no image/);
  });

  test('class folders inside folders, such as train and val', async () => {
    await classes();
    await mkdir(join(folder.path, 'Ant', 'queen'));
    await expect(read()).rejects.toThrow(/queen: is a folder inside a class folder/);
  });

  test('a file that is not an image', async () => {
    await classes();
    await writeFile(join(folder.path, 'mouse', 'notes.txt'), 'not an image');
    await expect(read()).rejects.toThrow(/notes\.txt: is not a readable image/);
  });

  test.each(['jpeg', 'png', 'webp'] as const)('a truncated %s', async (format) => {
    await classes();
    const path = join(folder.path, 'mouse', `cut.${format}`);
    const whole = await sharp({
      create: {
        width: 200,
        height: 200,
        channels: 3,
        background: 'red',
        noise: { type: 'gaussian', mean: 128, sigma: 40 },
      },
    })
      .toFormat(format)
      .toBuffer();
    await writeFile(path, whole.subarray(0, whole.length / 2));
    await expect(read()).rejects.toThrow(new RegExp(`cut\\.${format}: is not a readable image`));
    expect(await readFile(path)).toHaveLength(Math.floor(whole.length / 2));
  });
});
