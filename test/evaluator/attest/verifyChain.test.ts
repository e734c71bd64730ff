import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { OfficialRecord } from '../../../evaluator/attest/officialRecord.ts';
import { type ChainRecord, chainFault, signedAttemptsOf } from '../../../evaluator/attest/verifyChain.ts';
import type { RunRecord } from '../../../evaluator/run/record.ts';
import { madeUpOfficial, sha256 } from './madeUpOfficial.ts';

let official: OfficialRecord;
beforeAll(async () => {
  ({ official } = await madeUpOfficial());
});

/** Returns a chain as the signer makes it; `salt` makes chains differ. */
function chainOf(length: number, salt = '', change: (at: number) => Partial<RunRecord> = () => ({})) {
  const records: ChainRecord[] = [];
  for (let at = 0; at < length; at++) {
    const chain = { number: at + 1, previousSha256: records.at(-1)?.sha256 ?? null };
    const bytes = JSON.stringify([salt, chain]);
    records.push({
      path: `run-${at + 1}/record.jws`,
      sha256: sha256(bytes),
      official: { ...official, chain, record: { ...official.record, ...change(at) } },
    });
  }
  return records;
}
const lengths = fc.integer({ min: 1, max: 30 });
const headOf = (records: readonly ChainRecord[]) => records.at(-1)!.sha256;

describe('a chain', () => {
  test('is valid in any order of its records, also if one is given twice', () => {
    const property = fc.property(lengths, fc.infiniteStream(fc.nat()), (length, numbers) => {
      const records = chainOf(length);
      const keys = new Map(records.map((record) => [record, numbers.next().value]));
      const given = [...records].sort((a, b) => keys.get(a)! - keys.get(b)!);
      expect(chainFault([...given, given[0]!], headOf(records))).toBeNull();
      expect(chainFault(given)).toBeNull();
    });
    fc.assert(property);
  });

  test('is invalid if any record except the last ones was deleted, and with the head also those', () => {
    const property = fc.property(lengths, fc.uniqueArray(fc.nat(29), { minLength: 1 }), (length, gone) => {
      const records = chainOf(length);
      const left = records.filter((_, at) => !gone.includes(at));
      fc.pre(left.length < length);
      expect(chainFault(left, headOf(records))).not.toBeNull();
      const tailAlone = left.length > 0 && left.every((record, at) => record === records[at]);
      if (left.length > 0) expect(chainFault(left) === null).toBe(tailAlone);
    });
    fc.assert(property);
  });

  test('is invalid if any record was changed or signed again, also with another number', () => {
    const change = fc.record({
      at: fc.nat(29),
      number: fc.integer({ min: 1, max: 31 }),
      linked: fc.boolean(),
    });
    const property = fc.property(lengths, change, (length, { at, number, linked }) => {
      fc.pre(at < length);
      const records = chainOf(length);
      const changed = structuredClone(records);
      const { chain } = changed[at]!.official;
      Object.assign(changed[at]!, { sha256: sha256(`another ${number}`) });
      chain.number = number;
      chain.previousSha256 = linked ? (records[number - 2]?.sha256 ?? null) : sha256('other');
      expect(chainFault(changed, headOf(records))).not.toBeNull();
    });
    fc.assert(property);
  });

  test('is invalid if two records have exchanged their numbers', () => {
    const property = fc.property(lengths, fc.nat(29), fc.nat(29), (length, one, other) => {
      fc.pre(one < length && other < length && one !== other);
      const changed = structuredClone(chainOf(length));
      const [a, b] = [changed[one]!.official, changed[other]!.official];
      [a.chain, b.chain] = [b.chain, a.chain];
      expect(chainFault(changed, headOf(changed))).not.toBeNull();
    });
    fc.assert(property);
  });

  test.each<[string, (records: ChainRecord[]) => void, RegExp]>([
    [
      'number 2 is missing',
      (records) => void records.splice(1, 1),
      /^number 2 is missing from the chain before run-3\/record\.jws \(number 3\)$/,
    ],
    [
      'numbers 1 to 3 are missing',
      (records) => void records.splice(0, 3),
      /^numbers 1 to 3 are missing from the chain before run-4/,
    ],
    [
      'number 2 was exchanged',
      (records) => void records.splice(1, 1, { ...chainOf(2, 'other')[1]!, path: 'other.jws' }),
      /^other\.jws \(number 2\) was signed after a record with sha256 [0-9a-f]{64}, but run-1\/record\.jws has [0-9a-f]{64}: number 1 was exchanged$/,
    ],
    [
      'two are number 2',
      (records) => void records.push({ ...chainOf(2, 'other')[1]!, path: 'other.jws' }),
      /^(run-2\/record\.jws and other\.jws|other\.jws and run-2\/record\.jws) both have number 2/,
    ],
    [
      'the last is missing',
      (records) => void records.pop(),
      /^the head of the chain has sha256 [0-9a-f]{64}, but the last given record run-3\/record\.jws \(number 3\) has [0-9a-f]{64}: later records are missing, or the last one was exchanged$/,
    ],
  ])('reports in a sentence that %s', (_, change, says) => {
    const records = chainOf(4);
    const head = headOf(records);
    change(records);
    expect(chainFault(records, head)).toMatch(says);
  });
});

test('lists the attempts of each archive and seed in the order of their numbers', () => {
  const archive = sha256('archive');
  const runs: Partial<RunRecord>[] = [
    { archiveSha256: archive, seed: 1, verdict: 'INFRA_FAULT' },
    { archiveSha256: null, seed: 1, verdict: 'SCORED' },
    { archiveSha256: archive, seed: 1, attempt: 2, verdict: 'SCORED' },
    { archiveSha256: archive, seed: 2, verdict: 'CRASHED' },
  ];
  const records = chainOf(4, '', (at) => runs[at]!);
  expect(signedAttemptsOf(records.reverse())).toEqual([
    {
      archive,
      seed: 1,
      runs: [
        { number: 1, attempt: 1, verdict: 'INFRA_FAULT' },
        { number: 3, attempt: 2, verdict: 'SCORED' },
      ],
    },
    { archive: null, seed: 1, runs: [{ number: 2, attempt: 1, verdict: 'SCORED' }] },
    { archive, seed: 2, runs: [{ number: 4, attempt: 1, verdict: 'CRASHED' }] },
  ]);
});
