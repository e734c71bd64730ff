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
