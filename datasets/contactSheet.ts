import { createRequire } from 'node:module';
import sharp, { type OverlayOptions } from 'sharp';
import { imageAt, type LabelledImages } from './source.ts';

/** Images are drawn at twice their size, a few pixels apart. */
const ZOOM = 2;
const SIDE = 32 * ZOOM;
const GAP = 4;
const NAME_WIDTH = 170;
const HEADING = 30;
const LONGEST_NAME = 22;

/** Bundled font: a machine without fonts would draw boxes instead of letters. */
const fontFile = createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf');

/**
 * Draws the first images of each class, one row per class: training images on the left, held-out images on the right.
 *
 * @param perClass maximum images per class and half
 * @returns the bytes of a PNG
 */
export async function drawContactSheet(
  track: { classes: readonly string[]; train: LabelledImages; test: LabelledImages },
  perClass: number,
): Promise<Buffer> {
  const { classes, train, test } = track;
  const half = perClass * (SIDE + GAP);
  const width = NAME_WIDTH + 2 * half + 4 * GAP;
  const height = HEADING + classes.length * (SIDE + GAP);
  const testLeft = NAME_WIDTH + half + 3 * GAP;
  const canvas = { pixels: Buffer.alloc(width * height * 3, 255), width };

  const words = [
    { text: 'train', left: NAME_WIDTH, top: 0, height: HEADING },
    { text: 'held out', left: testLeft, top: 0, height: HEADING },
  ];
  classes.forEach((name, label) => {
    const top = HEADING + label * (SIDE + GAP);
    words.push({ text: shorten(name), left: GAP, top, height: SIDE });
    for (const [set, left] of [
      [train, NAME_WIDTH],
      [test, testLeft],
    ] as const) {
      firstOfClass(set, label, perClass).forEach((index, column) => {
        paste(canvas, imageAt(set, index), left + column * (SIDE + GAP), top);
      });
    }
  });
  const overlays = await Promise.all(words.map(drawWord));
  return sharp(canvas.pixels, { raw: { width, height, channels: 3 } })
    .composite(overlays)
    .png()
    .toBuffer();
}

function firstOfClass(set: LabelledImages, label: number, count: number): number[] {
  const found: number[] = [];
  for (let index = 0; index < set.labels.length && found.length < count; index++) {
    if (set.labels[index] === label) found.push(index);
  }
  return found;
}

function paste(
  canvas: { pixels: Buffer; width: number },
  image: Uint8Array,
  left: number,
  top: number,
): void {
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const from = (Math.floor(y / ZOOM) * 32 + Math.floor(x / ZOOM)) * 3;
      canvas.pixels.set(image.subarray(from, from + 3), ((top + y) * canvas.width + left + x) * 3);
    }
  }
}

/** Renders a line of text, vertically centred, scaled down if it is too wide. */
async function drawWord(word: {
  text: string;
  left: number;
  top: number;
  height: number;
}): Promise<OverlayOptions> {
  const { data, info } = await sharp({
    text: { text: escapeMarkup(word.text), font: 'DejaVu Sans', fontfile: fontFile, dpi: 96, rgba: true },
  })
    .resize({ width: NAME_WIDTH - 2 * GAP, height: SIDE, fit: 'inside', withoutEnlargement: true })
    .png()
    .toBuffer({ resolveWithObject: true });
  return { input: data, left: word.left, top: word.top + Math.round((word.height - info.height) / 2) };
}

function shorten(name: string): string {
  const letters = Array.from(name);
  return letters.length > LONGEST_NAME ? `${letters.slice(0, LONGEST_NAME - 1).join('')}…` : name;
}

/** Escapes text, because the renderer parses Pango markup. */
function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
