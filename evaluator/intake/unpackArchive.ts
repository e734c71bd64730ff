import { closeSync, createReadStream, mkdirSync, openSync, writeSync } from 'node:fs';
import { lstat, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { Parser, type ReadEntry } from 'tar';
import { quoteUntrusted } from '../../datasets/quoteUntrusted.ts';
import { UserError } from '../../datasets/userError.ts';
import { type ArchiveLimits, archiveLimitsSchema } from './limits.ts';
import { createMemberNames } from './memberNames.ts';

/** Unpacked bytes up to which the ratio is not limited. */
const smallBytes = 64 * 2 ** 20;

/**
 * Unpacks the archive of an entry (tar, plain or gzip) into a folder that must not exist yet. Unpacks regular files
 * and folders without owners, times and special modes. Everything is checked before it is written; an archive that
 * breaks a rule leaves nothing behind.
 *
 * @throws UserError that names the archive, the member and the rule that it breaks
 * @throws Error with a system error code if this machine cannot read the archive or write the files
 */
export async function unpackArchive(
  archive: string,
  into: string,
  limits: ArchiveLimits = archiveLimitsSchema.parse({}),
): Promise<void> {
  const archiveBytes = await requireArchive(archive, limits);
  await mkdir(into);
  try {
    // Small files of zeros are no bomb, however well they are packed.
    const ratio = Math.max(limits.ratio, smallBytes / Math.max(1, archiveBytes));
    await unpack(archive, into, { ...limits, ratio });
  } catch (error) {
    await rm(into, { recursive: true, force: true });
    throw error instanceof UserError ? error.about({ path: archive }) : error;
  }
}

/** Returns its size in bytes. */
async function requireArchive(archive: string, limits: ArchiveLimits): Promise<number> {
  const facts = await lstat(archive).catch((error: NodeJS.ErrnoException) => {
    throw new UserError({ path: archive, reason: `cannot be read (${error.code})` });
  });
  // Opening a pipe would block until a writer appears.
  if (!facts.isFile()) throw new UserError({ path: archive, reason: 'is not a regular file' });
  if (facts.size > limits.archiveBytes) {
    throw new UserError({
      path: archive,
      reason: `has ${facts.size} bytes, maximum ${limits.archiveBytes}`,
    });
  }
  return facts.size;
}

async function unpack(archive: string, into: string, limits: ArchiveLimits): Promise<void> {
  const names = createMemberNames(limits);
  let members = 0;
  let bytes = 0;
  let openFile: number | null = null;
  const closeOpenFile = () => {
    if (openFile !== null) closeSync(openFile);
    openFile = null;
  };

  /**
   * Unpacks a member.
   * @param stop stops with an error that occurs later, when its bytes are written
   * @throws UserError if it breaks a rule
   */
  function take(member: ReadEntry, stop: (error: Error) => void): void {
    members += 1;
    if (members > limits.members) throw new UserError(`has more than ${limits.members} members`);
    const isFolder = member.type === 'Directory';
    if (
      !isFolder &&
      member.type !== 'File' &&
      member.type !== 'OldFile' &&
      member.type !== 'ContiguousFile'
    ) {
      throw new UserError(
        `member ${quoteUntrusted(member.path)} is a ${plainType(member.type)}; only regular files and folders are allowed`,
      );
    }
    const path = names.accept(member.path, isFolder);
    bytes += member.size;
    if (bytes > limits.unpackedBytes) {
      throw new UserError(
        `member ${quoteUntrusted(path)} exceeds ${limits.unpackedBytes} unpacked bytes in total`,
      );
    }
    if (isFolder) {
      mkdirSync(join(into, path), { recursive: true, mode: 0o755 });
      member.resume();
    } else {
      openFile = openForWriting(join(into, path), member);
      // Writes synchronously with the stream, so that the parser applies backpressure.
      member.on('data', (chunk) => {
        try {
          writeAll(openFile, chunk);
        } catch (error) {
          // Thrown from here it would end the process. Not a UserError: a full disk is no fault of the archive.
          stop(Object.assign(error as Error, { path: into }));
        }
      });
      member.on('end', closeOpenFile);
    }
  }

  const input = createReadStream(archive);
  await new Promise<void>((resolve, reject) => {
    let refused = false;
    const refuse = (error: unknown) => {
      refused = true;
      closeOpenFile();
      input.destroy();
      reject(error);
    };
    const parser = new Parser({
      strict: true,
      brotli: false,
      zstd: false,
      maxDecompressionRatio: limits.ratio,
      onReadEntry(member) {
        if (refused) return void member.resume();
        try {
          take(member, refuse);
        } catch (error) {
          refuse(error);
          member.resume();
        }
      },
    });
    parser.on('ignoredEntry', (member) => {
      refuse(
        new UserError(
          `member ${quoteUntrusted(member.path)} has an unsupported type (${plainType(member.type)})`,
        ),
      );
    });
    parser.on('error', (error) => refuse(new UserError(`is not a valid tar archive (${error.message})`)));
    parser.on('end', resolve);
    input.on('error', refuse);
    input.on('data', (chunk) => {
      if (!parser.write(chunk as Buffer)) input.pause();
    });
    parser.on('drain', () => input.resume());
    input.on('end', () => parser.end());
  });
  await finished(input).catch(() => {});
  if (members === 0) throw new UserError('is not a tar archive, or is empty');
}

/** Returns the library's name for a member type; an unknown type can be any byte, so it is quoted. */
function plainType(type: string): string {
  return /^[A-Za-z]{2,20}$/.test(type) ? type : quoteUntrusted(type);
}

function openForWriting(path: string, member: ReadEntry): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const isProgram = ((member.mode ?? 0) & 0o111) !== 0;
  return openSync(path, 'wx', isProgram ? 0o755 : 0o644);
}

/** Does nothing if the file is already closed because its archive was rejected. */
function writeAll(file: number | null, chunk: Uint8Array): void {
  for (let written = 0; file !== null && written < chunk.length; ) {
    written += writeSync(file, chunk, written);
  }
}
