import type { FileHandle } from 'node:fs/promises';
import { constants, gunzipSync } from 'node:zlib';
import { Header } from 'tar';
import { contentKind } from '../../datasets/contentKind.ts';
import { UserError } from '../../datasets/userError.ts';

export type ArchiveFormat = 'tar' | 'zip';

export const packRemedy = 'Make the archive with `haet pack FOLDER --out entry.tar.gz`.';

const blockBytes = 512;
/** Length of the end of a zip without a comment. */
const zipEndBytes = 22;
/** Compressed bytes that hold at least the first block of a tar. */
const peekBytes = 4096;

/**
 * Tells the format of an archive by its first bytes; its name does not matter.
 * @throws UserError that names what it is instead
 */
export async function archiveFormat(handle: FileHandle): Promise<ArchiveFormat> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(peekBytes), 0, peekBytes, 0);
  const start = buffer.subarray(0, bytesRead);
  const hex = start.toString('hex', 0, 4);
  if (hex === '504b0304') return 'zip';
  if (isTar(start)) return 'tar';
  if (!hex.startsWith('1f8b')) throw notAnArchive(contentKind(start) ?? (await endKind(handle)));
  const inner = gunzipStart(start);
  // Damage in the first bytes is left to the reader, which says what is wrong.
  if (inner.length === 0 || isTar(inner)) return 'tar';
  const kind = contentKind(inner);
  throw notAnArchive(`compressed by gzip, but holds ${kind ?? 'no tar archive'}`);
}

/** Names a zip that does not begin as one; null if it does not end as one either. */
async function endKind(handle: FileHandle): Promise<string | null> {
  const { size } = await handle.stat();
  if (size < zipEndBytes) return null;
  const { buffer } = await handle.read(Buffer.alloc(zipEndBytes), 0, zipEndBytes, size - zipEndBytes);
  return buffer.readUInt32LE(0) === 0x06054b50
    ? 'the end of a ZIP that is split, or has something in front'
    : null;
}

function notAnArchive(kind: string | null): UserError {
  return new UserError({
    reason:
      kind === null
        ? 'is not a tar, tar.gz or zip archive'
        : `is not a tar, tar.gz or zip archive: this is ${kind}`,
    remedy: packRemedy,
  });
}

/** Whether the first block is the header of a member; old programs write no signature, so the checksum tells. */
function isTar(start: Buffer): boolean {
  if (start.length < blockBytes) return false;
  try {
    return new Header(start, 0).cksumValid || start.toString('latin1', 257, 262) === 'ustar';
  } catch {
    return false; // a number in it is invalid
  }
}

/** Unpacks what a part of a gzip holds; empty if it is damaged. */
function gunzipStart(start: Buffer): Buffer {
  try {
    return gunzipSync(start, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0);
  }
}
