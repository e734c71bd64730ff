import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { plainJson } from '../../datasets/plainText.ts';
import { asSystemError, codeAndMeaning, meaningOf } from '../../datasets/systemError.ts';
import { UserError } from '../../datasets/userError.ts';
import { removePath } from '../sandbox/removeTree.ts';
import type { RunFolders } from '../stage/stagePlaces.ts';
import { type RunRecord, recordFile, runRecordSchema } from './record.ts';

/** Facts about a run before it has a record, for the case that the evaluator dies. */
export const startFile = 'start.json';
export const runStartSchema = runRecordSchema
  .pick({ attempt: true, archiveSha256: true, track: true, seed: true, limits: true })
  .extend({ sandbox: runRecordSchema.shape.sandbox.pick({ kind: true }) });
export type RunStart = z.infer<typeof runStartSchema>;
/** Space reserved at the start, so that record and report can be written even if the entry fills the disk. */
const reserveFile = '.reserve';
const reserveBytes = 2 ** 20;

/**
 * Creates the folder of a run, named by its id. A folder without record.json is a run that never ended.
 * @param parent created if it does not exist
 * @throws UserError that names the parent if the disk is full or cannot be written; Error if a run with this id exists
 */
export async function makeRunFolder(parent: string, runId: string): Promise<RunFolders> {
  try {
    return await makeFolders(parent, runId);
  } catch (error) {
    const fault = asSystemError(error);
    if (fault === null || meaningOf(fault.code) === null) throw error;
    throw new UserError(
      {
        path: resolve(parent),
        reason: `the folder of a run cannot be made there (${codeAndMeaning(fault)})`,
        remedy: 'Free space there, or give another folder.',
      },
      { cause: error },
    );
  }
}

async function makeFolders(parent: string, runId: string): Promise<RunFolders> {
  await mkdir(parent, { recursive: true });
  const run = join(resolve(parent), runId);
  await mkdir(run);
  const folders = {
    run,
    model: join(run, 'model'),
    predictions: join(run, 'predictions'),
    aside: join(run, '.aside'),
    work: join(run, 'work'),
  };
  await mkdir(folders.model);
  await mkdir(folders.predictions);
  await mkdir(folders.aside, { mode: 0o700 });
  await mkdir(join(folders.aside, 'second'));
  await mkdir(folders.work);
  await writeFile(join(run, reserveFile), Buffer.alloc(reserveBytes));
  return folders;
}

/**
 * Empties the scratch folder between two stages.
 * @throws Error if something cannot be removed
 */
export async function emptyWork(folders: RunFolders): Promise<void> {
  await removePath(folders.work);
  await mkdir(folders.work);
}

/** Frees the reserved space for the record. */
export async function releaseReserve(folders: RunFolders): Promise<void> {
  await rm(join(folders.run, reserveFile), { force: true });
}

/** Removes the scratch folder after the last stage; failures do not affect the score. */
export async function removeWork(folders: RunFolders): Promise<void> {
  await removePath(folders.work).catch(() => {});
}

/** Removes the output of the second predict run; failures do not affect the score. */
export async function removeAside(folders: RunFolders): Promise<void> {
  await removePath(folders.aside).catch(() => {});
}

/** Writes the facts about a run before it starts. */
export async function writeStart(folder: string, start: RunStart): Promise<void> {
  await replaceFile(join(folder, startFile), `${JSON.stringify(start)}\n`);
}

/** Writes record.json atomically, flushes it to disk, and removes start.json. */
export async function writeRecord(folder: string, record: RunRecord): Promise<void> {
  await replaceFile(join(folder, recordFile), `${plainJson(record, 2)}\n`);
  await rm(join(folder, startFile), { force: true });
}
