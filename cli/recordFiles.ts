import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { describeFault } from '../datasets/describeFault.ts';
import { UserError } from '../datasets/userError.ts';
import { findRecordFiles } from '../evaluator/attest/chain.ts';
import { mostRecordBytes } from '../evaluator/attest/signedRecord.ts';

export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

/** Files as they were given; of a folder, every record in it. @throws UserError where a folder holds none */
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
        remedy: 'Give a folder that you may read.',
      });
    });
    if (found.length === 0) {
      throw new UserError({
        path,
        reason: 'no folder in it holds a record.jws',
        remedy: 'Give a record.jws, or the folder that --out named for haet grade or haet official.',
      });
    }
    files.push(...found);
  }
  return files;
}

/**
 * Reads no more of a file than shows that it is too large for a record.
 * @throws UserError when it cannot be read
 */
export async function readRecordBytes(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    // Opening a pipe would wait for ever for somebody to write into it.
    if (!(await stat(path)).isFile()) throw new Error('no regular file');
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
