import { isDeepStrictEqual } from 'node:util';
import type { RunRecord } from '../run/record.ts';
import type { RunStart } from '../run/runFolder.ts';
import type { RunTrack } from '../run/runTrack.ts';
import { verdicts } from '../run/verdict.ts';
import { wilsonInterval } from '../score/statistics.ts';

/** What a run must have been to count. */
export interface JobTerms {
  readonly archiveSha256: string;
  readonly track: RunTrack['info'];
  readonly seed: number;
  readonly sandbox: RunRecord['sandbox']['kind'];
  /** Only what is named here must agree. */
  readonly limits: Partial<RunRecord['limits']>;
  /** Only a refusal depends on it. */
  readonly intake: RunRecord['intake'];
}

/** Whether a run was made on these terms. */
export function agrees(
  record: RunStart & Partial<Pick<RunRecord, 'verdict' | 'intake'>>,
  terms: JobTerms,
): boolean {
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
