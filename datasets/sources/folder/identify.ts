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
  const found = beginnings.find(([pattern]) => pattern.test(text));
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
