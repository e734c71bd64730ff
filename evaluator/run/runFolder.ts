import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { plainJson } from '../../datasets/plainText.ts';
import { removePath } from '../stage/removeTree.ts';
import type { RunFolders } from '../stage/stagePlaces.ts';
import { type RunRecord, recordFile, runRecordSchema } from './record.ts';

/** What a run is, for as long as it has no record: if its evaluator dies, this is what is known of it. */
export const startFile = 'start.json';
export const runStartSchema = runRecordSchema
  .pick({ attempt: true, archiveSha256: true, track: true, seed: true, limits: true })
  .extend({ sandbox: runRecordSchema.shape.sandbox.pick({ kind: true }) });
export type RunStart = z.infer<typeof runStartSchema>;
/** Room kept free from the start, so that a disk that the entry fills still has place for the record and the report. */
const reserveFile = '.reserve';
const reserveBytes = 2 ** 20;

/**
 * Makes the folder of a run, named by its id. A folder without record.json is a run that never ended.
 * @param parent made where it is not there
 * @throws Error when the disk has no room, or a run of that id is there already
 */
export async function makeRunFolder(parent: string, runId: string): Promise<RunFolders> {
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

/** Empties the scratch folder between two stages. @throws Error when something of it is left */
export async function emptyWork(folders: RunFolders): Promise<void> {
  await removePath(folders.work);
  await mkdir(folders.work);
}

/** Makes room for the record, also on a disk that the entry filled. */
export async function releaseReserve(folders: RunFolders): Promise<void> {
  await rm(join(folders.run, reserveFile), { force: true });
}

/** Removes the scratch folder after the last stage: what cannot be removed costs no score. */
export async function removeWork(folders: RunFolders): Promise<void> {
  await removePath(folders.work).catch(() => {});
}

/** Removes what the second predict run left, likewise. */
export async function removeAside(folders: RunFolders): Promise<void> {
  await removePath(folders.aside).catch(() => {});
}

/** Writes what is known of a run before it starts. */
export async function writeStart(folder: string, start: RunStart): Promise<void> {
  await replaceFile(join(folder, startFile), `${JSON.stringify(start)}\n`);
}

/** Writes record.json, whole or not at all, and on disk when this returns. It takes the place of start.json. */
export async function writeRecord(folder: string, record: RunRecord): Promise<void> {
  await replaceFile(join(folder, recordFile), `${plainJson(record, 2)}\n`);
  await rm(join(folder, startFile), { force: true });
}
