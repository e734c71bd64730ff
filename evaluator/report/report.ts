import { join } from 'node:path';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { readRun } from './readRun.ts';
import { renderReport } from './reportPage.tsx';

export const reportFile = 'report.html';

/**
 * Writes `report.html` into a run's folder: one self-contained page, for any verdict.
 * @param folder a run's folder; only its record.json must be there
 * @param options.trackDir the Track that the run was scored on, for the images of mistakes; null if not available
 * @returns the path of the page
 * @throws UserError if record.json is missing or is not a record
 */
export async function writeReport(folder: string, options: { trackDir: string | null }): Promise<string> {
  const run = await readRun(folder, options.trackDir);
  const page = join(folder, reportFile);
  await replaceFile(page, renderReport(run));
  return page;
}
