import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { UserError } from '../../datasets/userError.ts';

/** In the folder of a run of a grading with a canary. */
export const canaryMarkFile = 'canary.json';

const canaryMarkSchema = z.strictObject({
  schemaVersion: z.literal(1),
  node: z.string().describe('name of the machine'),
  number: z.int().positive().describe('the last canary that ran there before the run; 1 for the first'),
});

/** The canary that a run follows. */
export type CanaryMark = Omit<z.infer<typeof canaryMarkSchema>, 'schemaVersion'>;

export async function writeCanaryMark(folder: string, { node, number }: CanaryMark): Promise<void> {
  const mark: z.infer<typeof canaryMarkSchema> = { schemaVersion: 1, node, number };
  await replaceFile(join(folder, canaryMarkFile), `${JSON.stringify(mark)}\n`);
}

/**
 * Reads which canary a run follows; null if it was made without one.
 * @throws UserError if the file is damaged
 */
export async function readCanaryMark(folder: string): Promise<CanaryMark | null> {
  const path = join(folder, canaryMarkFile);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new UserError({ path, reason: `cannot be read (${error.code})`, remedy: 'Make it readable.' });
  });
  if (text === null) return null;
  try {
    const { node, number } = canaryMarkSchema.parse(JSON.parse(text));
    return { node, number };
  } catch (error) {
    throw new UserError(
      { path, reason: 'does not say which canary the run follows', remedy: 'Restore the file.' },
      { cause: error },
    );
  }
}
