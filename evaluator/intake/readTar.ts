import { finished } from 'node:stream/promises';
import { Parser, type ReadEntry } from 'tar';
import { quoteUntrusted } from '../../datasets/quoteUntrusted.ts';
import { UserError } from '../../datasets/userError.ts';
import { ratioOf } from './limits.ts';
import type { ReadArchive } from './unpackArchive.ts';

/** Types of regular files; the last two are written by old programs. */
const fileTypes = ['File', 'OldFile', 'ContiguousFile'];

/**
 * Reads a tar, plain or gzip, in one pass: a member is written as soon as it is accepted.
 * @throws UserError that names the member and the rule that it breaks, or says that it is not a tar
 * @throws Error with a system error code if the archive cannot be read or a file cannot be written
 */
export const readTar: ReadArchive = async ({ handle, size }, { rules, files, limits }) => {
  /**
   * Unpacks a member.
   * @param stop stops with an error that occurs later, when its bytes are written
   */
  function take(member: ReadEntry, stop: (error: unknown) => void): void {
    const type = fileTypes.includes(member.type) ? 'File' : plainType(member.type);
    const path = rules.accept({ name: member.path, type, size: member.size });
    if (path === null) {
      member.resume();
    } else if (type === 'Directory') {
      files.folder(path);
      member.resume();
    } else {
      files.open(path, ((member.mode ?? 0) & 0o111) !== 0);
      // Written synchronously with the stream, so that the parser applies backpressure.
      member.on('data', (chunk) => {
        try {
          files.write(chunk);
        } catch (error) {
          stop(error); // thrown from here it would end the process
        }
      });
      member.on('end', files.close);
    }
  }

  const input = handle.createReadStream({ start: 0, autoClose: false });
  await new Promise<void>((resolve, reject) => {
    let refused = false;
    const refuse = (error: unknown) => {
      refused = true;
      files.close();
      input.destroy();
      reject(error);
    };
    const parser = new Parser({
      strict: true,
      brotli: false,
      zstd: false,
      // The rules limit the sizes of files; this limits headers and padding too, which may compress as well.
      maxDecompressionRatio: ratioOf(limits, size),
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
};

/** Returns the library's name for a member type; an unknown type can be any byte, so it is quoted. */
function plainType(type: string): string {
  return /^[A-Za-z]{2,20}$/.test(type) ? type : quoteUntrusted(type);
}
