import type { OfficialRecord } from './officialRecord.ts';

/** A signed record that is valid by itself. */
export interface ChainRecord {
  readonly path: string;
  /** sha256 of the bytes of record.jws. */
  readonly sha256: string;
  readonly official: OfficialRecord;
}

/** The runs of one archive with one seed, in the order in which they were signed. */
export interface SignedAttempts {
  /** sha256; null if the entry came as a folder. */
  readonly archive: string | null;
  readonly seed: number;
  readonly runs: readonly {
    readonly number: number;
    readonly attempt: number;
    readonly verdict: OfficialRecord['record']['verdict'];
  }[];
}

/**
 * Returns the first sign that records are missing, exchanged or reordered, as a sentence; null if the given ones are
 * complete. Only the head shows whether more were signed after the last given one.
 * @param records in any order; the same bytes may be given twice
 * @param head sha256 of the last record, as published
 */
export function chainFault(records: readonly ChainRecord[], head?: string): string | null {
  const inOrder = inChainOrder(records);
  let before: ChainRecord | null = null;
  for (const record of inOrder) {
    const fault = linkFault(before, record);
    if (fault !== null) return fault;
    before = record;
  }
  if (head === undefined || before?.sha256 === head) return null;
  const last = before === null ? 'there is none' : `${nameOf(before)} has ${before.sha256}`;
  return `the head of the chain has sha256 ${head}, but the last given record ${last}: later records are missing, or the last one was exchanged`;
}

/** Sorts records by number and removes duplicates. */
export function inChainOrder(records: readonly ChainRecord[]): ChainRecord[] {
  const different = new Map(records.map((record) => [record.sha256, record]));
  return [...different.values()].sort((a, b) => a.official.chain.number - b.official.chain.number);
}

export function signedAttemptsOf(records: readonly ChainRecord[]): SignedAttempts[] {
  const found = new Map<string, SignedAttempts & { runs: SignedAttempts['runs'][number][] }>();
  for (const { official } of inChainOrder(records)) {
    const { archiveSha256, seed, attempt, verdict } = official.record;
    const key = `${archiveSha256} ${seed}`;
    const attempts = found.get(key) ?? { archive: archiveSha256, seed, runs: [] };
    attempts.runs.push({ number: official.chain.number, attempt, verdict });
    found.set(key, attempts);
  }
  return [...found.values()];
}

function linkFault(before: ChainRecord | null, record: ChainRecord): string | null {
  const { number, previousSha256 } = record.official.chain;
  const last = before?.official.chain.number ?? 0;
  if (number === last) {
    return `${before!.path} and ${record.path} both have number ${number}: one of them replaced the other`;
  }
  if (number > last + 1) {
    const missing =
      number - last === 2 ? `number ${last + 1} is` : `numbers ${last + 1} to ${number - 1} are`;
    return `${missing} missing from the chain before ${nameOf(record)}`;
  }
  if (previousSha256 === (before?.sha256 ?? null)) return null;
  if (before === null) {
    return `${nameOf(record)} names a previous record with sha256 ${previousSha256}, but is the first given`;
  }
  return `${nameOf(record)} was signed after a record with sha256 ${previousSha256}, but ${before.path} has ${before.sha256}: number ${last} was exchanged`;
}

const nameOf = ({ path, official }: ChainRecord) => `${path} (number ${official.chain.number})`;
