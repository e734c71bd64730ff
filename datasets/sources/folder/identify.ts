import { open } from 'node:fs/promises';
import { fileTypeFromBuffer } from 'file-type';
import { formatNames, imageFormats } from './imageFormats.ts';

/** What a file is by its content, to follow "is ": "a HEIC image". */
export interface Identity {
  readonly is: string;
  /** What to do to have it read: one sentence. */
  readonly remedy: string;
  /** The format, if it is one that is read. */
  readonly format?: string;
}

/** As many bytes as `file-type` looks at. */
const START_BYTES = 4100;
const convert = (format: string) => `Convert ${format} to PNG.`;
const unpack = 'Unpack archives.';
const notAnImage = `Remove files that are no images: ${formatNames} are read.`;

/** Formats with a remedy of their own, by the name that `file-type` gives. */
const known: Readonly<Record<string, readonly [is: string, remedy: string]>> = {
  heic: [
    'a HEIC image, as iPhones take',
    'Convert HEIC to JPEG, for example with `heif-convert IN.heic OUT.jpg`.',
  ],
  bmp: ['a BMP image', convert('BMP')],
  jxl: ['a JPEG XL image', convert('JPEG XL')],
  jp2: ['a JPEG 2000 image', convert('JPEG 2000')],
  ico: ['an icon (ICO)', convert('ICO')],
  cur: ['a cursor (CUR)', convert('CUR')],
  icns: ['an icon (ICNS)', convert('ICNS')],
  eps: ['a PostScript document (EPS)', convert('EPS')],
  ps: ['a PostScript document', convert('PostScript')],
  psd: ['a Photoshop document', convert('PSD')],
  dcm: ['a DICOM image', convert('DICOM')],
  pdf: ['a PDF document', convert('PDF')],
  zip: ['a ZIP archive', unpack],
  gz: ['a gzip archive', unpack],
  xz: ['an xz archive', unpack],
  bz2: ['a bzip2 archive', unpack],
  zst: ['a Zstandard archive', unpack],
  '7z': ['a 7-Zip archive', unpack],
  rar: ['a RAR archive', unpack],
  tar: ['a tar archive', unpack],
  xml: ['an XML file', notAnImage],
};

/** Content that `file-type` has no name for, by its first characters. */
const beginnings: readonly (readonly [RegExp, string, string])[] = [
  [
    /^\s*<(!doctype\s+html|html|head|body)/i,
    'an HTML page, as a failed download leaves it',
    'Download files again that are HTML pages, or remove them.',
  ],
  [
    /^version https:\/\/git-lfs/,
    'a Git LFS pointer, not the file itself',
    'Fetch the files with `git lfs pull`.',
  ],
  [/^P[1-7][\s#]/, 'a PNM image (PPM, PGM or PBM)', convert('PNM')],
  [/^\x93NUMPY/, 'a NumPy array', convert('arrays')],
  [/^#define\s+\w+_width\s/, 'an XBM image', convert('XBM')],
  [/^\/\* XPM \*\//, 'an XPM image', convert('XPM')],
  [/^SIMPLE {2}=/, 'a FITS image', convert('FITS')],
  [/^MATLAB 5\.0 MAT-file/, 'a MATLAB file', 'Extract images as PNG.'],
];

/** The same for binary content, in hexadecimal. */
const binaryBeginnings: readonly (readonly [RegExp, string, string])[] = [
  [/^444453207c/, 'a DDS texture', convert('DDS')],
  [/^762f3101/, 'an OpenEXR image', convert('OpenEXR')],
  [/^233f(?:52414449414e4345|52474245)/, 'a Radiance HDR image', convert('HDR')],
  [/^01da0[01]0[12]/, 'an SGI image', convert('SGI')],
  [/^0a0[0-5]0[01]0[1248]/, 'a PCX image', convert('PCX')],
  // Without a map of colours; depth of 8 to 32 bits.
  [/^0000(?:02|03|0a|0b)0{10}.{16}(?:08|10|18|20)[0-3]/, 'a Targa (TGA) image', convert('TGA')],
  [/^894844460d0a/, 'an HDF5 file', 'Extract images as PNG.'],
];

/**
 * Names what a file is by its first bytes.
 *
 * @throws the system's error if the file cannot be read
 */
export async function identify(path: string | Buffer): Promise<Identity> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
    return await identifyBytes(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

/** Names what a file is by its first bytes, given at most 4,100 of them. */
export async function identifyBytes(start: Buffer): Promise<Identity> {
  if (start.length === 0) return { is: 'empty, 0 bytes', remedy: 'Replace or remove empty files.' };
  const text = start.toString('latin1');
  const hex = start.toString('hex', 0, 32);
  const found =
    beginnings.find(([pattern]) => pattern.test(text)) ??
    binaryBeginnings.find(([pattern]) => pattern.test(hex));
  if (found !== undefined) return { is: found[1], remedy: found[2] };
  const type = /<svg[\s>]/.test(text) ? 'svg' : (await fileTypeFromBuffer(start).catch(() => undefined))?.ext;
  const format = imageFormats.find((each) => each.type === (type === 'apng' ? 'png' : type))?.name;
  if (format !== undefined) {
    return {
      is: `${/^[AEIOU]|^SVG/.test(format) ? 'an' : 'a'} ${format} image`,
      remedy: 'Replace damaged images by complete copies, or remove them.',
      format,
    };
  }
  if (type !== undefined) {
    const [is, remedy] = known[type] ?? [`of the format ${type.toUpperCase()}`, notAnImage];
    return { is, remedy };
  }
  return { is: isText(start) ? 'text' : 'in no known image format', remedy: notAnImage };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what text does not contain
const noText = /[\0-\x08\x0e-\x1f\ufffd]/;

/** Returns whether bytes are UTF-8 without control characters. The last character may be cut. */
function isText(bytes: Buffer): boolean {
  const decoded = new TextDecoder().decode(bytes, { stream: true });
  return !noText.test(decoded);
}
