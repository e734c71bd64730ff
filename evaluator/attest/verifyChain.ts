import type { OfficialRecord } from './officialRecord.ts';

/** A signed record that holds by itself. */
export interface ChainRecord {
  readonly path: string;
  /** Of the bytes of record.jws. */
  readonly sha256: string;
  readonly official: OfficialRecord;
}

/** The runs of one archive with one seed, in the order in which they were signed. */
export interface SignedAttempts {
  /** sha256; null where the entry came as a folder. */
  readonly archive: string | null;
  readonly seed: number;
  readonly runs: readonly {
    readonly number: number;
    readonly attempt: number;
    readonly verdict: OfficialRecord['record']['verdict'];
  }[];
}

/**
 * The first thing that shows that records are missing, were exchanged or stand in another order than they were signed
 * in, as a sentence; null when all are there from the first to the last one given. Only the head shows whether more
 * were signed after that one.
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
  return `the head of the chain has the sha256 ${head}, and of the records given the last, ${last}: later ones are missing, or it was exchanged`;
}

/** By their numbers; the same bytes stand there once. */
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
    return `${before!.path} and ${record.path} are both number ${number} of the chain: one of them was signed in the place of the other`;
  }
  if (number > last + 1) {
    const missing =
      number - last === 2 ? `number ${last + 1} is` : `numbers ${last + 1} to ${number - 1} are`;
    return `${missing} missing from the chain: ${nameOf(record)} comes after`;
  }
  if (previousSha256 === (before?.sha256 ?? null)) return null;
  if (before === null) {
    return `${nameOf(record)} was signed after a record with the sha256 ${previousSha256}, and is the first of the chain`;
  }
  return `${nameOf(record)} was signed after a record with the sha256 ${previousSha256}, and ${before.path} has ${before.sha256}: number ${last} was exchanged`;
}

const nameOf = ({ path, official }: ChainRecord) => `${path} (number ${official.chain.number})`;
