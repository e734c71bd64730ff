import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { sha256Schema } from '../../../datasets/track.ts';
import { chainFile } from '../../attest/chain.ts';
import { officialRecordFile } from '../../attest/officialRecord.ts';
import { canaryMarkFile } from '../../run/canaryMark.ts';
import { recordFile } from '../../run/record.ts';
import { startFile } from '../../run/runFolder.ts';
import { unscoredFile } from '../../run/unscored.ts';
import { canariesFile } from '../canary/canaryLog.ts';
import { decisionsFile } from '../decisions.ts';
import { gradingFile } from '../grading.ts';
import { receiptsFile } from '../receipts.ts';
import { rejudgingsFile } from '../rejudging/rejudgings.ts';
import { leaderboardFiles } from '../writeStanding.ts';

/** The list of files in a bundle. */
export const bundleFile = 'bundle.json';
/** The signature of that list, if the runs are signed. */
export const bundleSignatureFile = 'bundle.jws';
/** Files that the organizer published, under these names in a bundle. */
export const commitmentFile = 'commitment.json';
export const revealFile = 'reveal.json';

/** Content of bundle.json. */
export const bundleSchema = z.strictObject({
  kind: z.literal('haet-records'),
  schemaVersion: z.literal(1),
  files: z
    .record(z.string(), sha256Schema)
    .describe('sha256 of every file but the list and its signature, by its path'),
});
export type Bundle = z.infer<typeof bundleSchema>;

/** Files of a run that a bundle contains: never the model, the predictions, the logs or the report. */
const runFiles = [recordFile, officialRecordFile, unscoredFile, startFile, canaryMarkFile];
/** Files of a grading that a bundle contains, if they are there. */
const gradingFiles = [
  gradingFile,
  decisionsFile,
  rejudgingsFile,
  canariesFile,
  receiptsFile,
  chainFile,
  ...Object.values(leaderboardFiles).map((file) => `public/${file}`),
];
/** Files without which nothing can be verified. */
export const neededFiles: readonly string[] = [
  gradingFile,
  receiptsFile,
  ...Object.values(leaderboardFiles).map((file) => `public/${file}`),
];

/** Lists the files of a grading that belong into a bundle, sorted, relative to its folder. */
export async function filesToBundle(outFolder: string): Promise<string[]> {
  const files: string[] = [];
  const add = async (path: string) => {
    if (await isRegularFile(join(outFolder, path))) files.push(path);
  };
  for (const file of gradingFiles) await add(file);
  for (const job of await foldersIn(join(outFolder, 'runs'))) {
    for (const run of await foldersIn(join(outFolder, 'runs', job))) {
      for (const file of runFiles) await add(`runs/${job}/${run}/${file}`);
    }
  }
  return files.sort();
}

/** Whether a bundle may contain a file with this path. */
export function mayContain(path: string): boolean {
  if ([bundleFile, bundleSignatureFile, commitmentFile, revealFile, ...gradingFiles].includes(path))
    return true;
  const [top, job, run, file, ...deeper] = path.split('/');
  const isName = (name: string | undefined) => /^[\w-][\w.-]*$/.test(name ?? '');
  return top === 'runs' && isName(job) && isName(run) && runFiles.includes(file ?? '') && deeper.length === 0;
}

/** Links are not followed. */
async function isRegularFile(path: string): Promise<boolean> {
  return lstat(path).then(
    (facts) => facts.isFile(),
    () => false,
  );
}

async function foldersIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return found.filter((each) => each.isDirectory() && !each.name.startsWith('.')).map(({ name }) => name);
}
