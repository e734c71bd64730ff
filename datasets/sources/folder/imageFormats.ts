/** The image formats that are read: name, and suffixes of their files. The content decides, not the suffix. */
export const imageFormats = [
  { name: 'JPEG', type: 'jpg', suffixes: ['jpg', 'jpeg', 'jpe', 'jfif'] },
  { name: 'PNG', type: 'png', suffixes: ['png', 'apng'] },
  { name: 'WebP', type: 'webp', suffixes: ['webp'] },
  { name: 'GIF', type: 'gif', suffixes: ['gif'] },
  { name: 'TIFF', type: 'tif', suffixes: ['tif', 'tiff'] },
  { name: 'AVIF', type: 'avif', suffixes: ['avif'] },
  { name: 'SVG', type: 'svg', suffixes: ['svg', 'svgz'] },
] as const;

/** The formats as a list for people: "JPEG, PNG, ... and SVG". */
export const formatNames = imageFormats
  .map(({ name }) => name)
  .join(', ')
  .replace(/, (\w+)$/, ' and $1');

/** Formats that people also call images; they are not read. */
const otherSuffixes = [
  'heic',
  'heif',
  'bmp',
  'jxl',
  'jp2',
  'ico',
  'ppm',
  'pgm',
  'pbm',
  'psd',
  'dcm',
  'exr',
  'hdr',
];
const suffixes = new Set<string>([...imageFormats.flatMap((format) => format.suffixes), ...otherSuffixes]);

/** Returns whether a file is an image by the suffix of its name. */
export function isImageName(name: string): boolean {
  const dot = name.lastIndexOf('.');
  return dot > 0 && suffixes.has(name.slice(dot + 1).toLowerCase());
}
