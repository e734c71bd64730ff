import { isDeepStrictEqual } from 'node:util';
import type { RunRecord } from '../run/record.ts';
import type { RunStart } from '../run/runFolder.ts';
import type { RunTrack } from '../run/runTrack.ts';

/** Terms that a run must match to count. */
export interface JobTerms {
  readonly archiveSha256: string;
  readonly track: RunTrack['info'];
  readonly seed: number;
  readonly sandbox: RunRecord['sandbox']['kind'];
  /** Only the given limits must agree. */
  readonly limits: Partial<RunRecord['limits']>;
  /** Matters only for rejected archives. */
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
