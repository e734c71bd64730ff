import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { contentKind } from '../contentKind.ts';
import { describeFault } from '../describeFault.ts';
import { UserError } from '../userError.ts';

/** One of the four files of MNIST and of data sets in its form. */
export interface IdxFile {
  readonly prefix: 'train' | 't10k';
  readonly content: 'images' | 'labels';
}

/**
 * Finds a file in a folder, however it was unpacked: `train-images-idx3-ubyte` by gunzip, `train-images.idx3-ubyte` by
 * 7-Zip, `train-images-idx3-ubyte.gz` by a browser, compressed or not. Unpacked names come first.
 *
 * @returns its path; the usual one if there is none
 */
export async function findIdx(folder: string, { prefix, content }: IdxFile): Promise<string> {
  const names = await readdir(folder).catch(() => []);
  const isNamed = new RegExp(`^${prefix}[-_. ]?${content}[-_. ]?idx[13][-_. ]?ubyte(?<end>.*)$`, 'i');
  const rank = (name: string) => {
    const end = isNamed.exec(name)?.groups?.['end'];
    return end === undefined ? null : end === '' ? 0 : end.toLowerCase() === '.gz' ? 1 : 2;
  };
  const found = names
    .map((name) => ({ name, at: rank(name) }))
    .filter((each): each is { name: string; at: number } => each.at !== null)
    .sort((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1));
  return join(folder, found[0]?.name ?? `${prefix}-${content}-idx${axesOf(content)}-ubyte.gz`);
}

/**
 * Reads a file that may be compressed by gzip, whatever its name says.
 *
 * @param mostBytes content that decompresses to more is rejected
 * @throws UserError
 */
export async function readMaybeCompressed(
  path: string,
  mostBytes: number,
  remedy: string,
): Promise<Uint8Array> {
  const stored = await readFile(path).catch((error) => {
    throw new UserError({ path, reason: `cannot be read (${describeFault(error)})`, remedy });
  });
  if (stored[0] !== 0x1f || stored[1] !== 0x8b) return stored;
  try {
    return await promisify(gunzip)(stored, { maxOutputLength: mostBytes });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ERR_BUFFER_TOO_LARGE' ? `more than ${mostBytes} bytes come out` : message;
    throw new UserError({
      path,
      reason: `cannot be uncompressed (${why}): it is damaged or a different file`,
      remedy,
    });
  }
}

/**
 * Parses an IDX file of unsigned bytes: two zero bytes, type 8, the number of axes, their lengths as big-endian
 * 32-bit integers, the data. Format: http://yann.lecun.com/exdb/mnist/
 *
 * @param name replaces the path in messages
 * @throws UserError
 */
export function parseIdx(
  name: string,
  bytes: Uint8Array,
  content: IdxFile['content'],
  remedy: string,
): { data: Uint8Array; shape: number[] } {
  const axes = axesOf(content);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dataOffset = 4 + 4 * axes;
  if (view.length < dataOffset) {
    throw new UserError({ path: name, reason: `ends after ${view.length} bytes, inside its header`, remedy });
  }
  const magic = view.readUInt32BE(0);
  const expected = 0x0800 + axes;
  if (magic !== expected) {
    const hex = (value: number) => value.toString(16).padStart(8, '0');
    const kind = contentKind(view);
    throw new UserError({
      path: name,
      reason: `starts with ${hex(magic)}${kind === null ? '' : ` (this is ${kind})`}; expected ${hex(expected)}, ${content} as unsigned bytes in ${axes} axes`,
      remedy,
    });
  }
  const shape = Array.from({ length: axes }, (_, axis) => view.readUInt32BE(4 + 4 * axis));
  const needed = shape.reduce((total, length) => total * length, 1);
  const present = view.length - dataOffset;
  if (present !== needed || needed === 0) {
    throw new UserError({
      path: name,
      reason: `has ${present} bytes of data, but its header says [${shape.join(', ')}]: it is ${present < needed ? 'truncated' : 'a different file'}`,
      remedy,
    });
  }
  return { data: bytes.subarray(dataOffset), shape };
}

function axesOf(content: IdxFile['content']): number {
  return content === 'images' ? 3 : 1;
}
