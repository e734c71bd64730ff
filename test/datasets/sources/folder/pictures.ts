import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

/** Returns a smooth picture of 48 x 48 pixels as PNG, distinct by seed. */
export async function picture(seed: number): Promise<Buffer> {
  const noise = createHash('shake256', { outputLength: 6 * 6 * 3 })
    .update(`${seed}`)
    .digest();
  return sharp(noise, { raw: { width: 6, height: 6, channels: 3 } })
    .resize(48, 48, { kernel: 'cubic' })
    .png()
    .toBuffer();
}

/** Writes distinct pictures as PNG below `root`, whatever the suffix, and any folders that are missing. */
export async function pictures(root: string, paths: readonly string[], firstSeed = 0): Promise<void> {
  for (const [index, path] of paths.entries()) await put(root, path, await picture(firstSeed + index));
}

/** Writes a file below `root`, and any folders that are missing. */
export async function put(root: string, path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(join(root, dirname(path)), { recursive: true });
  await writeFile(join(root, path), content);
}

/** Returns `CLASS/1.png` to `CLASS/count.png`. */
export const numbered = (folder: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${folder}/${index + 1}.png`);
