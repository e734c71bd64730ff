import { sha256 } from '../datasets/sha256.ts';
import {
  type ChainRecord,
  chainFault,
  inChainOrder,
  type SignedAttempts,
  signedAttemptsOf,
} from '../evaluator/attest/verifyChain.ts';
import { type Evidence, verifyRecord } from '../evaluator/attest/verifyRecord.ts';
import { readRecordBytes, recordFiles } from './recordFiles.ts';
import { placeOf, resultOf, summaryOf } from './recordSummary.ts';

/** Result of `haet verify`. */
export interface Outcome {
  readonly holds: boolean;
  readonly lines: readonly string[];
  readonly json: object;
}

/**
 * Verifies every record by itself, then the chain.
 * @param given paths of record.jws, or of folders of runs
 * @param head sha256 of the last record, as published
 * @throws UserError if a file cannot be read, or a folder has no record
 */
export async function verifySeveral(
  given: readonly string[],
  evidence: Evidence,
  head?: string,
): Promise<Outcome> {
  const records: ChainRecord[] = [];
  const lines: string[] = [];
  const faults: string[] = [];
  for (const path of await recordFiles(given)) {
    const bytes = await readRecordBytes(path);
    const result = await verifyRecord(bytes, evidence);
    if (result.official === null) {
      faults.push(`${path} does not hold: ${result.checks.at(-1)!.says}`);
      lines.push(`  FAILS  ${path}  ${result.checks.at(-1)!.says}`);
      continue;
    }
    records.push({ path, sha256: sha256(bytes), official: result.official });
  }
  // An invalid record is excluded, and would otherwise be reported as missing from the chain.
  const broken = faults.length === 0 ? chainFault(records, head) : null;
  if (broken !== null) faults.push(broken);
  const inOrder = inChainOrder(records);
  const last = inOrder.at(-1);
  const attempts = signedAttemptsOf(records);
  return {
    holds: faults.length === 0,
    lines: [
      ...lines,
      ...inOrder.map(({ path, official }) => `  holds  ${path}  ${placeOf(official)}, ${resultOf(official)}`),
      ...(broken === null ? [] : [`  FAILS  chain  ${broken}`]),
      ...attempts.map(describeAttempts),
      ...(head === undefined ? [tailUnknown] : []),
      faults.length === 0
        ? `${inOrder.length === 1 ? '1 record holds' : `${inOrder.length} records hold`}; the last is number ${last!.official.chain.number} with sha256 ${last!.sha256}`
        : `The records do not hold: ${faults[0]}.`,
    ],
    json: {
      holds: faults.length === 0,
      faults,
      head: last === undefined ? null : { number: last.official.chain.number, sha256: last.sha256 },
      records: inOrder.map(({ path, official }) => ({ path, ...summaryOf(official) })),
      attempts,
    },
  };
}

const tailUnknown =
  '  not checked, because --head is missing: whether more records were signed after the last given one';

function describeAttempts({ archive, seed, runs }: SignedAttempts): string {
  const entry = archive === null ? 'an entry from a folder' : `archive ${archive.slice(0, 16)}`;
  const each = runs.map(({ number, attempt, verdict }) => `${attempt} ${verdict} (number ${number})`);
  const made = new Set(runs.map(({ attempt }) => attempt));
  // An attempt whose evaluator was killed left no record; a deleted record leaves a gap in the chain.
  const lost = Array.from({ length: Math.max(...made) }, (_, at) => at + 1).filter((at) => !made.has(at));
  const without = lost.length === 0 ? '' : `; no record of attempt ${lost.join(', ')}`;
  return `  attempts of ${entry}, seed ${seed}: ${each.join(', ')}${without}`;
}
