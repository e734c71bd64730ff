import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import sharp from 'sharp';
import { decodeImage } from '../../../../datasets/sources/folder/decodeImage.ts';
import { imageFormats } from '../../../../datasets/sources/folder/imageFormats.ts';
import { temporaryFolder } from '../../temporaryFolder.ts';

const folder = temporaryFolder();
const red = () => sharp({ create: { width: 40, height: 40, channels: 3, background: '#c00000' } });
const svg = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9" fill="#c00000"/></svg>',
);

const written: Record<(typeof imageFormats)[number]['name'], () => Promise<Buffer>> = {
  JPEG: () => red().jpeg().toBuffer(),
  PNG: () => red().png().toBuffer(),
  WebP: () => red().webp().toBuffer(),
  GIF: () => red().gif().toBuffer(),
  TIFF: () => red().tiff().toBuffer(),
  AVIF: () => red().avif().toBuffer(),
  SVG: async () => svg,
};

/** Decodes a file and returns its middle pixel. */
async function middleOf(content: Buffer, name = 'image'): Promise<number[]> {
  const path = join(folder.path, name);
  await writeFile(path, content);
  return [...(await decodeImage(path)).subarray(16 * 33 * 3, 16 * 33 * 3 + 3)];
}

const isRed = ([r, g, b]: number[]) => Math.abs(r! - 0xc0) < 12 && g! < 12 && b! < 12;

test.each(imageFormats.map(({ name }) => name))('%s is read, whatever the suffix', async (format) => {
  const content = await written[format]();
  expect(isRed(await middleOf(content))).toBe(true);
  expect(isRed(await middleOf(content, 'wrong.txt'))).toBe(true);
});

test('SVG compressed by gzip is read', async () => {
  expect(isRed(await middleOf(gzipSync(svg), 'image.svgz'))).toBe(true);
});

test.each(['gif', 'webp', 'tiff'] as const)(
  'of several pictures in one %s, the first is taken',
  async (format) => {
    const frames = [Buffer.alloc(40 * 40 * 3), Buffer.alloc(40 * 40 * 3, 255)];
    for (let at = 0; at < frames[0]!.length; at += 3) frames[0]![at] = 0xc0;
    const content = await sharp(Buffer.concat(frames), {
      raw: { width: 40, height: 80, channels: 3, pageHeight: 40 },
    })
      .toFormat(format)
      .toBuffer();
    expect((await sharp(content).metadata()).pages).toBe(2);
    expect(isRed(await middleOf(content))).toBe(true);
  },
);

/** Returns a grey TIFF image of 4 x 4 values. `format`: 1 for unsigned, 2 for signed, 3 for floating-point numbers. */
function tiff(bits: number, format: number): Buffer {
  const tags = [
    [256, 4],
    [257, 4],
    [258, bits],
    [259, 1],
    [262, 1],
    [273, 8 + 2 + 9 * 12 + 4],
    [277, 1],
    [279, (16 * bits) / 8],
    [339, format],
  ] as const;
  const entries = tags.map(([tag, value]) => {
    const entry = Buffer.alloc(12);
    entry.writeUInt16LE(tag);
    entry.writeUInt16LE(4, 2);
    entry.writeUInt32LE(1, 4);
    entry.writeUInt32LE(value, 8);
    return entry;
  });
  const start = Buffer.from([0x49, 0x49, 42, 0, 8, 0, 0, 0, tags.length, 0]);
  return Buffer.concat([start, ...entries, Buffer.alloc(4), Buffer.alloc((16 * bits) / 8, 0x3f)]);
}

test.each([
  ['float', 32, 3],
  ['int', 32, 2],
  ['uint', 32, 1],
] as const)(
  'a TIFF image of %s values is refused, because they have no scale',
  async (depth, bits, format) => {
    await expect(middleOf(tiff(bits, format))).rejects.toThrow(
      `is not a readable image (it is a TIFF image of ${depth} values, for which black and white are not defined). Scale the values`,
    );
  },
);

test.each([8, 16])('a TIFF image of %s bits is read', async (bits) => {
  expect(await middleOf(tiff(bits, 1))).toEqual([0x3f, 0x3f, 0x3f]);
});
