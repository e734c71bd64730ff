import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { UserError } from '../../../datasets/userError.ts';
import { archiveLimitsSchema } from '../../../evaluator/intake/limits.ts';
import { unpackArchive } from '../../../evaluator/intake/unpackArchive.ts';

/**
 * Returns functions that write and unpack archives.
 * @param folder returns the folder for them
 * @param name file name of the archives
 */
export function archivesIn(folder: () => string, name: string) {
  /** Writes an archive into a new folder. */
  function put(bytes: Buffer) {
    const place = mkdtempSync(join(folder(), 'archive-'));
    const archive = join(place, name);
    writeFileSync(archive, bytes);
    return { place, archive, into: join(place, 'entry') };
  }

  /** Returns the message with which an archive is refused; nothing may be left over or added beside it. */
  async function refusal(bytes: Buffer, limits = {}): Promise<string> {
    const { place, archive, into } = put(bytes);
    const error = await unpackArchive(archive, into, archiveLimitsSchema.parse(limits)).then(
      () => new Error('was taken'),
      (thrown: Error) => thrown,
    );
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toContain(archive);
    expect(readdirSync(place)).toEqual([name]);
    return error.message;
  }
  return { put, refusal };
}
