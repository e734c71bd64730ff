import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  commitmentSchema,
  commitTo,
  MOST_SEED,
  readCommitment,
  readReveal,
  revealFault,
  revealSchema,
  sealedFault,
} from '../../../datasets/sealing/commitment.ts';
import { sha256 } from '../../../datasets/sha256.ts';
import { UserError } from '../../../datasets/userError.ts';
import { temporaryFolder } from '../temporaryFolder.ts';
import { terms } from './madeUpTerms.ts';

const folder = temporaryFolder();
const withheld = Buffer.from('a sealed set');
const seedLists = fc.uniqueArray(fc.integer({ min: 0, max: MOST_SEED }), { minLength: 1, maxLength: 10 });

test('a reveal matches its commitment, also after both were written to files', () => {
  fc.assert(
    fc.property(seedLists, (seeds) => {
      const { commitment, reveal } = commitTo(withheld, seeds, terms);
      expect(reveal.seeds).toEqual(seeds);
      const read = <T>(value: T): unknown => JSON.parse(JSON.stringify(value, null, 4));
      const readBack = [commitmentSchema.parse(read(commitment)), revealSchema.parse(read(reveal))] as const;
      expect(revealFault(...readBack)).toBeNull();
      expect(sealedFault(commitment, sha256(withheld))).toBeNull();
    }),
  );
});

test('a reveal with other seeds, another order, one seed more or less, or another nonce does not match', () => {
  fc.assert(
    fc.property(seedLists, seedLists, (seeds, others) => {
      fc.pre(seeds.join() !== others.join());
      const { commitment, reveal } = commitTo(withheld, seeds, terms);
      expect(revealFault(commitment, { ...reveal, seeds: others })).not.toBeNull();
      const { nonce } = commitTo(withheld, seeds, terms).reveal;
      expect(revealFault(commitment, { ...reveal, nonce })).not.toBeNull();
    }),
  );
  const { commitment, reveal } = commitTo(withheld, [1, 2, 3], terms);
  for (const seeds of [
    [3, 2, 1],
    [1, 2],
    [1, 2, 3, 4],
    [12, 3],
  ]) {
    expect(revealFault(commitment, { ...reveal, seeds })).toMatch(/but the commitment says/);
  }
});

test('another withheld set does not match', () => {
  const { commitment } = commitTo(withheld, [1], terms);
  const got = sha256('another');
  expect(sealedFault(commitment, got)).toBe(
    `the commitment names the sealed set with sha256 ${commitment.sealedSha256}, but the one used has ${got}`,
  );
  expect(sealedFault(commitment, null)).toMatch(/, but none was used$/);
});

test('the hash of the seeds is that of a documented text', () => {
  const { commitment, reveal } = commitTo(withheld, [11, 12], terms);
  const text = `{"nonce":"${reveal.nonce}","seeds":[11,12]}`;
  expect(commitment.seedsSha256).toBe(createHash('sha256').update(text).digest('hex'));
});

test('the commitment does not reveal the seeds: equal seeds give different commitments', () => {
  const one = commitTo(withheld, [1, 2, 3], terms);
  const other = commitTo(withheld, [1, 2, 3], terms);
  expect(one.commitment.seedsSha256).not.toBe(other.commitment.seedsSha256);
  expect(Object.keys(one.commitment)).toEqual(['schemaVersion', 'sealedSha256', 'seedsSha256', 'terms']);
});

describe('rejects files that are neither, and names them:', () => {
  const { commitment, reveal } = commitTo(withheld, [1, 2], terms);
  const path = () => join(folder.path, 'file.json');
  const refusals: [string, (file: string) => Promise<unknown>, unknown][] = [
    ['commitment: more', readCommitment, { ...commitment, seeds: [1] }],
    ['commitment: less', readCommitment, { schemaVersion: 2, sealedSha256: commitment.sealedSha256 }],
    [
      'commitment: a sandbox that no signed run can be in',
      readCommitment,
      { ...commitment, terms: { ...terms, sandbox: 'process' } },
    ],
    ['commitment: terms with a gap', readCommitment, { ...commitment, terms: { ...terms, cpus: undefined } }],
    ['commitment: a reveal', readCommitment, reveal],
    ['reveal: a commitment', readReveal, commitment],
    ['reveal: no seeds', readReveal, { ...reveal, seeds: [] }],
    ['reveal: a seed twice', readReveal, { ...reveal, seeds: [1, 1] }],
    ['reveal: half a seed', readReveal, { ...reveal, seeds: [0.5] }],
    ['reveal: a seed below', readReveal, { ...reveal, seeds: [-1] }],
    ['reveal: a seed beyond', readReveal, { ...reveal, seeds: [2 ** 31] }],
    ['reveal: a short nonce', readReveal, { ...reveal, nonce: 'ab' }],
  ];
  test.each(refusals)('%s', async (_, read, value) => {
    await writeFile(path(), JSON.stringify(value));
    const refused = await read(path()).catch((error: Error) => error);
    expect(refused).toBeInstanceOf(UserError);
    expect((refused as Error).message).toContain(path());
  });

  test('a commitment without terms, from an older version, with what to do', async () => {
    const { terms: _, ...first } = commitment;
    await writeFile(path(), JSON.stringify({ ...first, schemaVersion: 1 }));
    await expect(readCommitment(path())).rejects.toThrow(
      /is a commitment of version 1, which has no terms\. Make a new one with `haet seal commit`/,
    );
  });

  test('a file that is not JSON, which is not repeated', async () => {
    await writeFile(path(), `nonce ${reveal.nonce}`);
    const refused = await readReveal(path()).catch((error) => error);
    expect(refused.message).toMatch(/is not a reveal: it is not JSON/);
    expect(refused.message).not.toContain(reveal.nonce.slice(0, 8));
  });

  test('valid files are read', async () => {
    await writeFile(path(), JSON.stringify(commitment));
    expect(await readCommitment(path())).toEqual(commitment);
    await writeFile(path(), JSON.stringify(reveal));
    expect(await readReveal(path())).toEqual(reveal);
  });
});
