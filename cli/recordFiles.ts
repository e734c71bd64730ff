import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { describeFault } from '../datasets/describeFault.ts';
import { UserError } from '../datasets/userError.ts';
import { findRecordFiles } from '../evaluator/attest/chain.ts';
import { mostRecordBytes } from '../evaluator/attest/signedRecord.ts';

export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

/** Returns the given files, and for a folder every record in it. @throws UserError if a folder has none */
export async function recordFiles(given: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of given) {
    if (!(await isFolder(path))) {
      files.push(path);
      continue;
    }
    const found = await findRecordFiles(path).catch((error) => {
      throw new UserError({
        path,
        reason: `cannot be read (${describeFault(error)})`,
        remedy: 'Give a readable folder.',
      });
    });
    if (found.length === 0) {
      throw new UserError({
        path,
        reason: 'contains no record.jws',
        remedy: 'Give a record.jws, or the --out folder of haet grade or haet official.',
      });
    }
    files.push(...found);
  }
  return files;
}

/**
 * Reads a file up to the size limit of a record.
 * @throws UserError if it cannot be read
 */
export async function readRecordBytes(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    // Opening a pipe would block until a writer appears.
    if (!(await stat(path)).isFile()) throw new Error('not a regular file');
    for await (const chunk of createReadStream(path, { end: mostRecordBytes })) chunks.push(chunk as Buffer);
  } catch (error) {
    throw new UserError({
      path,
      reason: `cannot be read (${describeFault(error)})`,
      remedy: 'Give the record.jws of an official run.',
    });
  }
  return Buffer.concat(chunks);
}
