import { dirname } from 'node:path';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { readRecord } from '../run/readRecord.ts';
import { renderSeedsPage } from './seedsPage.tsx';

/**
 * Writes one page about repeated runs: mean and sample standard deviation of the accuracy, every run's interval, and
 * links to the runs' own reports.
 * @param folders the runs' folders, in display order
 * @returns the path of the page
 * @throws UserError if a folder has no record
 */
export async function writeSeedsReport(folders: readonly string[], outFile: string): Promise<string> {
  const runs = await Promise.all(
    folders.map(async (folder) => ({ folder, record: await readRecord(folder) })),
  );
  await replaceFile(outFile, renderSeedsPage(runs, dirname(outFile)));
  return outFile;
}
