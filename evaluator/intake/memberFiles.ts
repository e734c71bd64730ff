import { closeSync, fchmodSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Writes accepted members below a folder, one file at a time. Synchronous, so that a reader's stream is held up. */
export interface MemberFiles {
  folder(path: string): void;
  /** @param isProgram null: the archive does not say; decided by the first bytes */
  open(path: string, isProgram: boolean | null): void;
  /** Does nothing if no file is open, as after an error. */
  write(chunk: Uint8Array): void;
  /** Closes the open file, if there is one. */
  close(): void;
}

/**
 * Creates the writer of an archive's files: without owners, times and special modes.
 * @param into existing folder
 */
export function createMemberFiles(into: string): MemberFiles {
  let file: { readonly fd: number; readonly isProgram: boolean | null } | null = null;
  return {
    folder(path) {
      mkdirSync(join(into, path), { recursive: true, mode: 0o755 });
    },
    open(path, isProgram) {
      const full = join(into, path);
      mkdirSync(dirname(full), { recursive: true, mode: 0o755 });
      file = { fd: openSync(full, 'wx+', isProgram ? 0o755 : 0o644), isProgram };
    },
    write(chunk) {
      try {
        for (let written = 0; file !== null && written < chunk.length; ) {
          written += writeSync(file.fd, chunk, written);
        }
      } catch (error) {
        throw Object.assign(error as Error, { path: into }); // an open file's error does not say where it is
      }
    },
    close() {
      if (file === null) return;
      const { fd, isProgram } = file;
      file = null;
      try {
        if (isProgram === null && startsAsProgram(fd)) fchmodSync(fd, 0o755 & ~process.umask());
      } finally {
        closeSync(fd);
      }
    },
  };
}

/** Whether a file begins with `#!`, or is a program of Linux. */
function startsAsProgram(fd: number): boolean {
  const start = Buffer.alloc(4);
  const read = readSync(fd, start, 0, 4, 0);
  const text = start.toString('latin1', 0, read);
  return text.startsWith('#!') || text === '\x7fELF';
}
