import { read } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  type Entry,
  fromRandomAccessReaderPromise,
  type LocalFileHeader,
  RandomAccessReader,
  type ZipFile,
} from 'yauzl';
import { quoteUntrusted } from '../../datasets/quoteUntrusted.ts';
import { asSystemError } from '../../datasets/systemError.ts';
import { UserError } from '../../datasets/userError.ts';
import { packRemedy } from './archiveFormat.ts';
import type { ReadArchive } from './unpackArchive.ts';
import { isProgramOf, nameOf, typeOf } from './zipMember.ts';

/** A member that is to be written. */
interface Accepted {
  readonly entry: Entry;
  readonly name: string;
  readonly path: string;
  readonly isFolder: boolean;
}

/**
 * Reads a zip in two passes: every header is checked before the first file is written. What a header says is then
 * compared with the data, because two programs can read one zip differently.
 * @throws UserError that names the member and the rule that it breaks, or says that it is not a zip
 * @throws Error with a system error code if the archive cannot be read or a file cannot be written
 */
export const readZip: ReadArchive = async ({ handle, size }, { rules, files }) => {
  // Names are decoded here, because the library takes those that are not marked as UTF-8 for another encoding.
  const zip = await fromRandomAccessReaderPromise(new ArchiveReader(handle, size), size, {
    autoClose: false,
    decodeStrings: false,
  }).catch(refuse);
  const places: Place[] = [{ start: Number(zip.readEntryCursor), end: size }]; // of the directory at the end
  const accepted: Accepted[] = [];
  try {
    for await (const entry of zip.eachEntry()) {
      const name = nameOf(entry);
      const type = typeOf(entry, name);
      const path = rules.accept({ name, type, size: entry.uncompressedSize });
      requireReadable(entry, name);
      places.push(await placeOf(zip, entry, name));
      if (path !== null) accepted.push({ entry, name, path, isFolder: type === 'Directory' });
    }
    await requireNoMore(zip, handle);
    requireApart(places);
    for (const { entry, name, path, isFolder } of accepted) {
      if (isFolder) {
        files.folder(path);
        continue;
      }
      files.open(path, isProgramOf(entry));
      await unpackMember(zip, entry, name, files.write);
      files.close();
    }
  } catch (error) {
    refuse(error);
  }
};

/** Bytes that belong to a member, or to the directory at the end. */
interface Place {
  readonly start: number;
  readonly end: number;
}

/** Reads an open file within its bounds; the library does not check every offset before it reads there. */
class ArchiveReader extends RandomAccessReader {
  private readonly handle: FileHandle;
  private readonly size: number;

  constructor(handle: FileHandle, size: number) {
    super();
    this.handle = handle;
    this.size = size;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    if (position + length > this.size) setImmediate(callback, new Error('offset beyond the end'));
    else read(this.handle.fd, buffer, offset, length, position, callback);
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(slices(this.handle, start, end), { objectMode: false });
  }
}

async function* slices(handle: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; ) {
    const length = Math.min(64 * 1024, end - at);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, at);
    if (bytesRead === 0) return; // shorter than it was: the library counts
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** Names of the compression methods that programs write; deflate and stored are read. */
const methods: Readonly<Record<number, string>> = {
  1: 'Shrink',
  6: 'Implode',
  9: 'Deflate64',
  12: 'bzip2',
  14: 'LZMA',
  93: 'zstd',
  95: 'xz',
  98: 'PPMd',
};
const aes = 99;

function requireReadable(entry: Entry, name: string): void {
  const member = `member ${quoteUntrusted(name)}`;
  if (entry.isEncrypted() || entry.compressionMethod === aes) {
    throw new UserError({
      reason: `${member} is encrypted`,
      remedy: `Pack it without a password. ${packRemedy}`,
    });
  }
  if (entry.canDecodeFileData()) return;
  const method = methods[entry.compressionMethod] ?? `method ${entry.compressionMethod}`;
  throw new UserError({
    reason: `${member} is compressed by ${method}; only Deflate and stored members can be read`,
    remedy: packRemedy,
  });
}

/** Returns where a member lies. @throws UserError if its two headers disagree: a program may follow either */
async function placeOf(zip: ZipFile, entry: Entry, name: string): Promise<Place> {
  const header = await zip.readLocalFileHeaderPromise(entry);
  const member = `member ${quoteUntrusted(name)}`;
  const raw = entry.fileNameRaw;
  if (!header.fileName.equals(raw)) {
    throw new UserError(`${member} is called ${quoteUntrusted(header.fileName.toString())} before its data`);
  }
  if (!agree(header, entry)) throw new UserError(`${member} has two different headers`);
  return {
    start: entry.relativeOffsetOfLocalHeader,
    end: header.fileDataStart + entry.compressedSize,
  };
}

function agree(local: LocalFileHeader, entry: Entry): boolean {
  if (local.compressionMethod !== entry.compressionMethod) return false;
  const followData = (local.generalPurposeBitFlag & 8) !== 0;
  if (followData) return true;
  const same = (given: number, right: number) => given === right || given === 0xffffffff; // then it is in 64 bits
  return (
    local.crc32 === entry.crc32 &&
    same(local.compressedSize, entry.compressedSize) &&
    same(local.uncompressedSize, entry.uncompressedSize)
  );
}

/** @throws UserError if the directory lists more members than its end counts, which other programs would see */
async function requireNoMore(zip: ZipFile, handle: FileHandle): Promise<void> {
  const next = Buffer.alloc(4);
  await handle.read(next, 0, 4, Number(zip.readEntryCursor));
  if (next.readUInt32LE(0) === 0x02014b50) {
    throw new UserError('is not a valid zip archive (it lists more members than its end counts)');
  }
}

/** @throws UserError if two places overlap: a small archive could name the same data any number of times */
function requireApart(places: readonly Place[]): void {
  const sorted = [...places].sort((a, b) => a.start - b.start);
  if (sorted.some(({ start }, index) => index > 0 && start < sorted[index - 1]!.end)) {
    throw new UserError('is not a valid zip archive (two members share bytes of the archive)');
  }
}

async function unpackMember(
  zip: ZipFile,
  entry: Entry,
  name: string,
  write: (chunk: Uint8Array) => void,
): Promise<void> {
  let bytes = 0;
  let sum = 0;
  const member = `member ${quoteUntrusted(name)}`;
  try {
    for await (const chunk of await zip.openReadStreamPromise(entry)) {
      bytes += chunk.length;
      sum = crc32(chunk, sum);
      write(chunk);
    }
  } catch (error) {
    if (/(?:too many|not enough) bytes in the stream/.test((error as Error).message)) {
      throw new UserError(`${member} is not the size that its header gives`);
    }
    throw error;
  }
  if (bytes !== entry.uncompressedSize) {
    throw new UserError(`${member} is not the size that its header gives`);
  }
  if (sum !== entry.crc32) throw new UserError(`${member} is damaged: its checksum is wrong`);
}

/** Rethrows an error of the library, whose messages hold numbers only, as one of the archive. */
function refuse(error: unknown): never {
  if (error instanceof UserError || asSystemError(error) !== null) throw error;
  const { message } = error as Error;
  if (/^multi-disk/.test(message)) {
    throw new UserError({ reason: 'is one part of a split zip archive', remedy: packRemedy });
  }
  if (/strong encryption/.test(message)) {
    throw new UserError({ reason: 'is encrypted', remedy: `Pack it without a password. ${packRemedy}` });
  }
  if (/^End of central directory/.test(message)) {
    throw new UserError({
      reason: 'is cut short, or one part of a split zip archive',
      remedy: 'Send the whole file.',
    });
  }
  throw new UserError(`is not a valid zip archive (${message.split('\n', 1)[0]})`);
}
