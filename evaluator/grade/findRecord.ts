import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../../datasets/userError.ts';
import type { Attestor } from '../attest/createAttestor.ts';
import type { RunRecord } from '../record.ts';
import { readRecord } from '../report/readRecord.ts';
import { recordFile } from '../runFolder.ts';
import type { RunTrack } from '../runTrack.ts';
import { wilsonInterval } from '../statistics.ts';
import { unscoredFile } from '../unscored.ts';
import { type VerdictCode, verdicts } from '../verdict.ts';

/** What a run must have been to count. */
export interface Terms {
  readonly archiveSha256: string;
  readonly track: RunTrack['info'];
  readonly seed: number;
  readonly sandbox: RunRecord['sandbox']['kind'];
  /** Only what is named here must agree. */
  readonly limits: Partial<RunRecord['limits']>;
  /** Only a refusal depends on it. */
  readonly intake: RunRecord['intake'];
}

/** Whether a run that ended so is not to be repeated: what is the machine's or the organizer's doing is. */
export function isFinal(verdict: VerdictCode): boolean {
  return verdicts[verdict].owner === 'contestant';
}

/**
 * The record of the first run in a job's folder that ended for good and on these terms, null where there is none. First:
 * a run that was repeated by hand must not replace its result. Its `folder` is where it was found.
 * @param folder holds one folder a run; need not be there
 * @param attestor where given, only what it signed counts
 * @returns also a sentence about every record that is damaged, contradicts itself, or lacks its signature
 */
export async function findRecord(
  folder: string,
  terms: Terms,
  attestor?: Pick<Attestor, 'fault'>,
): Promise<{ record: RunRecord | null; doubts: string[] }> {
  const doubts: string[] = [];
  let first: RunRecord | null = null;
  for (const run of await runFolders(folder)) {
    if (!existsSync(join(run, recordFile)) || existsSync(join(run, unscoredFile))) continue;
    try {
      const record = await readRecord(run);
      const contradiction = contradictionIn(record);
      if (contradiction !== null) throw new UserError(`${join(run, recordFile)}: ${contradiction}.`);
      if (first !== null || !isFinal(record.verdict) || !agrees(record, terms)) continue;
      const unsigned = (await attestor?.fault(run)) ?? null;
      if (unsigned !== null) throw new UserError(`${run}: ${unsigned}.`);
      first = { ...record, folder: run };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      doubts.push(`${error.message} It does not count.`);
    }
  }
  return { record: first, doubts };
}

/** Removes what runs left behind whose evaluator was killed: they have no record, and do not await their score. */
export async function removeUnfinished(folder: string): Promise<void> {
  for (const run of await runFolders(folder)) {
    if ([recordFile, unscoredFile].some((file) => existsSync(join(run, file)))) continue;
    await rm(run, { recursive: true, force: true }).catch(() => {}); // an entry may have locked some of it
  }
}

/** Whether a run was made on these terms. */
export function agrees(record: RunRecord, terms: Terms): boolean {
  return (
    record.archiveSha256 === terms.archiveSha256 &&
    record.seed === terms.seed &&
    record.sandbox.kind === terms.sandbox &&
    Object.entries(terms.limits).every(
      ([name, value]) => record.limits[name as keyof RunRecord['limits']] === value,
    ) &&
    isDeepStrictEqual(record.track, terms.track) &&
    (record.verdict !== 'REJECTED_ARCHIVE' || isDeepStrictEqual(record.intake, terms.intake))
  );
}

/** What in a record cannot be so, in half a sentence; null when it agrees with itself. */
export function contradictionIn({ verdict, owner, score, track }: RunRecord): string | null {
  const scored = verdict === 'SCORED' || verdict === 'SCORED_SALVAGED';
  if (scored !== (score !== null)) return `${verdict} ${scored ? 'without' : 'with'} a score`;
  if (owner !== verdicts[verdict].owner) return `${verdict} is not the doing of the ${owner}`;
  if (score === null) return null;
  const { correct, total, accuracy, wilson95, details } = score;
  const confusion = details?.confusion;
  const onDiagonal = confusion?.reduce((sum, row, truth) => sum + (row[truth] ?? 0), 0) ?? correct;
  const everywhere = confusion?.flat().reduce((sum, count) => sum + count, 0) ?? total;
  const far = (a: number, b: number) => Math.abs(a - b) > 1e-9;
  if (total !== track?.testSize || total !== everywhere)
    return `a score of ${total} images is not of its Track`;
  if (correct !== onDiagonal) return `${correct} right answers, but ${onDiagonal} in its confusion matrix`;
  if (far(accuracy, correct / total)) return `accuracy ${accuracy}, but ${correct} of ${total} right`;
  if (wilsonInterval(correct, total).some((end, at) => far(end, wilson95[at]!))) {
    return `the interval ${wilson95.join(' to ')} is not that of ${correct} of ${total}`;
  }
  return null;
}

/** The folders of a job's runs, in the order of their names, which start with the time. */
export async function runFolders(folder: string): Promise<string[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return found
    .filter((each) => each.isDirectory())
    .map((each) => join(folder, each.name))
    .sort();
}
