import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { runsFolder } from '../grade/gradedFolders.ts';
import { isOpen, readIssued } from '../grade/issued.ts';
import { type Batch, batchOf, isOver } from './batch.ts';

/**
 * Whether an attempt that is not decided was issued to a batch. It may be one that this call does not wait for: of other
 * archives, or left when a person stopped watching.
 */
export async function isNeeded(batch: Batch): Promise<boolean> {
  for (const name of await readdir(batch.folder).catch((): string[] => [])) {
    const index = /^task-(\d+)\.json$/.exec(name)?.[1];
    if (index !== undefined && (await isWaitedFor(batch, name, Number(index)))) return true;
  }
  return false;
}

async function isWaitedFor({ name, folder }: Batch, file: string, index: number): Promise<boolean> {
  try {
    const { attemptFolder } = JSON.parse(await readFile(join(folder, file), 'utf8'));
    for (const place of [attemptFolder, besideBatch(folder, attemptFolder)]) {
      if (!isOpen(place)) continue;
      const issued = await readIssued(place);
      if (issued.batch === name && issued.index === index) return true;
    }
    return false;
  } catch {
    return true; // what cannot be read ends no task
  }
}

/** The folder of a grading may be seen under another path, or be a copy whose tasks belong to the original. */
function besideBatch(batchFolder: string, attemptFolder: string): string {
  const outFolder = dirname(dirname(batchFolder));
  return join(runsFolder(outFolder), basename(dirname(attemptFolder)), basename(attemptFolder));
}

/**
 * Lists the batches that may still have tasks, although every attempt that was issued to them is decided: their
 * coordinator was killed before it had them ended, or Slurm did not answer it.
 * @param parent folder of all batches
 */
export async function unneededBatches(parent: string): Promise<Batch[]> {
  const names = await readdir(parent).catch((): string[] => []);
  const found: Batch[] = [];
  for (const name of names.filter((each) => each.startsWith('haet-'))) {
    const batch = batchOf(parent, name);
    if (!isOver(batch) && !(await isNeeded(batch))) found.push(batch);
  }
  return found;
}
