import { createPublicKey, type KeyObject } from 'node:crypto';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { extendChain, readHead, requireChain } from '../../../evaluator/attest/chain.ts';
import type { OfficialRecord } from '../../../evaluator/attest/officialRecord.ts';
import { signRecord } from '../../../evaluator/attest/signedRecord.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';
import { key, madeUpOfficial, sha256, signingKey, strangersKey } from './madeUpOfficial.ts';

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
let official: OfficialRecord;
/** Counter that makes every record different. */
let made = 0;
beforeAll(async () => {
  ({ official } = await madeUpOfficial());
});

/** Signs a record into a run's folder, as the evaluator does. @returns its path */
async function sign(run: string, by: KeyObject = signingKey): Promise<OfficialRecord['chain']> {
  let place: OfficialRecord['chain'] | undefined;
  await extendChain(folder.path, by, async (chain) => {
    place = chain;
    return put(run, chain, by);
  });
  return place!;
}

async function put(run: string, chain: OfficialRecord['chain'], by: KeyObject = signingKey) {
  const record = { ...official.record, runId: `${made++}` };
  const jws = await signRecord({ ...official, record, chain }, by);
  await mkdir(at(run), { recursive: true });
  await writeFile(at(run, 'record.jws'), jws);
  return jws;
}
const hashOf = async (run: string) => sha256(await readFile(at(run, 'record.jws')));

test('every record gets the next number and the hash of the previous one, and the head is the last', async () => {
  expect(await sign('a')).toEqual({ number: 1, previousSha256: null });
  expect(await sign('runs/job/b')).toEqual({ number: 2, previousSha256: await hashOf('a') });
  expect(readHead(folder.path)).toEqual({ number: 2, sha256: await hashOf('runs/job/b') });
  expect((await stat(at('chain.json'))).mode & 0o777).toBe(0o600);
});

test('concurrent signers get distinct numbers', async () => {
  const places = await Promise.all(['a', 'b', 'c', 'd'].map((run) => sign(run)));
  expect(places.map(({ number }) => number).sort()).toEqual([1, 2, 3, 4]);
});

test('a kill after the record and before the head neither forks the chain nor skips a number', async () => {
  await sign('a');
  const head = await readFile(at('chain.json'));
  await sign('b');
  await writeFile(at('chain.json'), head);
  expect(await sign('c')).toEqual({ number: 3, previousSha256: await hashOf('b') });
});

test('the same is true of the first record', async () => {
  await put('a', { number: 1, previousSha256: null });
  expect(await sign('b')).toEqual({ number: 2, previousSha256: await hashOf('a') });
});

test('a failed signature does not advance the chain', async () => {
  await sign('a');
  const failing = extendChain(folder.path, signingKey, () => Promise.reject(new Error('no room')));
  await expect(failing).rejects.toThrow('no room');
  expect(await sign('b')).toMatchObject({ number: 2 });
});

test('the number of a deleted record is not reused', async () => {
  await sign('a');
  await sign('b');
  const gone = await hashOf('b');
  await rm(at('b'), { recursive: true });
  expect(await sign('c')).toEqual({ number: 3, previousSha256: gone });
});

test('a record that replaces the last one, or does not follow it, is detected before anything is signed', async () => {
  await sign('a');
  await put('a', { number: 1, previousSha256: null });
  await expect(sign('b')).rejects.toThrow(
    /a\/record\.jws claims number 1 of the chain, but .* names another/,
  );
  await put('a', { number: 2, previousSha256: sha256('other') });
  await expect(requireChain(folder.path, key)).rejects.toThrow(
    /has number 2, but the last signed record has number 1/,
  );
});

test('ignores files of entries and records of other keys', async () => {
  await put('a/model', { number: 9, previousSha256: sha256('x') });
  await put('b', { number: 7, previousSha256: sha256('x') }, strangersKey);
  await mkdir(at('c'));
  await writeFile(at('c', 'record.jws'), 'no record');
  expect(await sign('d')).toEqual({ number: 1, previousSha256: null });
});

test('the chain of another organizer, or a damaged head, is rejected with what to do', async () => {
  await sign('a');
  await expect(requireChain(folder.path, createPublicKey(strangersKey))).rejects.toThrow(
    /chain\.json: its records are signed with another key \(haet1.*another folder/,
  );
  await writeFile(at('chain.json'), '{}');
  await expect(requireChain(folder.path, key)).rejects.toThrow(/is not the head of a chain/);
  await expect(requireChain(at('not', 'there'), key)).resolves.toBeUndefined();
});
