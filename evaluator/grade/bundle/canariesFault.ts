import { basename, join } from 'node:path';
import { readRecord } from '../../run/readRecord.ts';
import { whyOut } from '../canary/band.ts';
import type { Judgement } from '../canary/canaryLog.ts';
import { canaryFolder } from '../canary/canaryRuns.ts';

/**
 * Returns the first judgement of a canary that does not follow from its record and band, as a sentence; null if all do.
 * @param outFolder folder of a grading
 * @throws UserError if a record is missing
 */
export async function canariesFault(
  outFolder: string,
  judgements: readonly Judgement[],
): Promise<string | null> {
  for (const { node, number, run, found, because, band } of judgements) {
    if (found === 'unusable') continue;
    const record = await readRecord(join(canaryFolder(outFolder, node), basename(run)));
    const right = whyOut(record, band);
    if (record.attempt === number && right === because && (found === 'bad') === (right !== null)) continue;
    return `canary ${number} on ${node} was judged ${found}, which does not follow from its record and its band`;
  }
  return null;
}
