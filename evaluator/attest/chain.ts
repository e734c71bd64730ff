import { sha256 } from '../../datasets/sha256.ts';
// Theory of operation
//
// The records that an organizer signs in one folder of runs form a chain: each has a number, starting at 1, and the
// sha256 of the previous record.jws. Anyone who has all of them can detect a missing or exchanged record, so nobody
// can repeat a run unnoticed until the result suits them.
//
// chain.json contains the head: number and sha256 of the last record. The record is written first and the head
// second, each atomically, under a lock. A kill between the two writes leaves one record beyond the head; the next
// signer finds it and continues from there. A kill before the first write leaves nothing. So no number is used twice
// or skipped.
//
// The head also reveals that the last records were deleted, because numbering continues after them.

import { spawn } from 'node:child_process';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { describeFault } from '../../datasets/describeFault.ts';
import { sha256Schema } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { recordFile } from '../run/record.ts';
import { type OfficialRecord, officialRecordFile } from './officialRecord.ts';
import {
  checkHeader,
  checkSignature,
  DoesNotHold,
  mostRecordBytes,
  readForm,
  readPayload,
} from './signedRecord.ts';
import { verifyKeyText } from './signingKey.ts';

export const chainFile = 'chain.json';
const lockFile = '.chain.lock';
const lockPatienceSeconds = 60;
/** `haet grade --out` puts runs into runs/JOB/RUN, `haet official --out` into RUN. */
const deepestRecord = 3;

/** Position of a record in the chain. */
export type ChainPlace = OfficialRecord['chain'];

const headSchema = z.strictObject({
  schemaVersion: z.literal(1),
  verifyKey: z.string().describe('the key that signed them'),
  number: z.int().positive().describe('number of the last record, which is the number of records'),
  sha256: sha256Schema.describe('sha256 of the last record.jws'),
});

/** The last record of a chain; number 0 if there is none yet. */
export interface ChainHead {
  readonly number: number;
  readonly sha256: string | null;
}

/** A record.jws signed with the given key. */
interface SignedFile {
  readonly path: string;
  readonly sha256: string;
  readonly chain: ChainPlace;
}

/**
 * Signs a record as the next one of a folder's chain and moves the head to it.
 * @param write signs the record for that position and writes it to disk; returns its bytes
 * @throws UserError if the chain belongs to another organizer; Error if the files contradict the head or writing
 *   fails
 */
export async function extendChain(
  folder: string,
  signingKey: KeyObject,
  write: (place: ChainPlace) => Promise<string>,
): Promise<void> {
  const unlock = await lock(folder);
  try {
    const key = createPublicKey(signingKey);
    const head = await findHead(folder, key);
    const place = { number: head.number + 1, previousSha256: head.sha256 };
    const jws = await write(place);
    await writeHead(folder, key, { number: place.number, sha256: sha256(Buffer.from(jws)) });
  } finally {
    await unlock();
  }
}

/**
 * Moves the head of a folder's chain to the last signed record, if a kill came between the two writes.
 * @param key the organizer's public key
 * @throws as `extendChain`
 */
export async function settleHead(folder: string, key: KeyObject): Promise<void> {
  const unlock = await lock(folder);
  try {
    const { number, sha256: last } = await findHead(folder, key);
    if (last !== null && readHead(folder)?.number !== number) {
      await writeHead(folder, key, { number, sha256: last });
    }
  } finally {
    await unlock();
  }
}

async function writeHead(
  folder: string,
  key: KeyObject,
  last: { readonly number: number; readonly sha256: string },
): Promise<void> {
  const head: z.infer<typeof headSchema> = { schemaVersion: 1, verifyKey: verifyKeyText(key), ...last };
  // In the image an entry can see this folder; other runs must not be visible to it.
  await replaceFile(join(folder, chainFile), `${JSON.stringify(head, null, 2)}\n`, 0o600);
}

/**
 * Checks before a run that its record can be signed in a folder.
 * @param key the organizer's public key
 * @throws as `extendChain`
 */
export async function requireChain(folder: string, key: KeyObject): Promise<void> {
  if (!(await stat(folder).catch(() => null))?.isDirectory()) return;
  await findHead(folder, key);
}

/**
 * Reads the head from chain.json; null if there is none.
 * @param verifyKey the key that must have signed the records; default: any key
 * @throws UserError if chain.json cannot be read, is not a head, or belongs to another organizer
 */
export function readHead(folder: string, verifyKey?: string): ChainHead | null {
  const path = join(folder, chainFile);
  const text = readIfThere(path);
  if (text === null) return null;
  let head: z.infer<typeof headSchema>;
  try {
    head = headSchema.parse(JSON.parse(text));
  } catch {
    throw new UserError({
      path,
      reason: 'is not the head of a chain of signed records',
      remedy: 'Restore it, or use another folder.',
    });
  }
  if (verifyKey === undefined || head.verifyKey === verifyKey) {
    return { number: head.number, sha256: head.sha256 };
  }
  throw new UserError({
    path,
    reason: `its records are signed with another key (${head.verifyKey})`,
    remedy: 'Use that identity, or another folder.',
  });
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new UserError({
      path,
      reason: `cannot be read (${describeFault(error)})`,
      remedy: 'Make it readable.',
    });
  }
}

async function findHead(folder: string, key: KeyObject): Promise<ChainHead> {
  const written = readHead(folder, verifyKeyText(key));
  const records = await readRecords(folder, key);
  const here = written === null ? [] : records.filter(({ chain }) => chain.number === written.number);
  for (const each of here) {
    if (each.sha256 === written!.sha256) continue;
    throw new Error(
      `${each.path} claims number ${written!.number} of the chain, but ${join(folder, chainFile)} names another record for it. Restore the signed one.`,
    );
  }
  if (written === null) return records.at(-1) === undefined ? noHead : headAt(records.at(-1)!);
  return records.filter(({ chain }) => chain.number > written.number).reduce(follow, written);
}

const noHead: ChainHead = { number: 0, sha256: null };
const headAt = ({ chain, sha256 }: SignedFile): ChainHead => ({ number: chain.number, sha256 });

/** @throws Error if the record does not come next */
function follow(head: ChainHead, record: SignedFile): ChainHead {
  if (record.chain.number === head.number && record.sha256 === head.sha256) return head;
  if (record.chain.number === head.number + 1 && record.chain.previousSha256 === head.sha256) {
    return headAt(record);
  }
  throw new Error(
    `${record.path} has number ${record.chain.number}, but the last signed record has number ${head.number}. Restore ${chainFile} and the records.`,
  );
}

/** Returns the records signed with a key, by number; others are skipped. */
async function readRecords(folder: string, key: KeyObject): Promise<SignedFile[]> {
  const found: SignedFile[] = [];
  for (const path of await findRecordFiles(folder)) {
    const bytes = await readFile(path);
    const chain = await placeOf(bytes, key);
    if (chain !== null) found.push({ path, sha256: sha256(bytes), chain });
  }
  return found.sort((a, b) => a.chain.number - b.chain.number);
}

async function placeOf(bytes: Uint8Array, key: KeyObject): Promise<ChainPlace | null> {
  try {
    if (bytes.length > mostRecordBytes) return null;
    const { jws, header } = readForm(bytes);
    await checkHeader(header, key);
    return readPayload(await checkSignature(jws, key)).chain;
  } catch (error) {
    if (error instanceof DoesNotHold) return null;
    throw error;
  }
}

/**
 * Finds every record.jws in a folder of runs, sorted by path. Does not search inside the folder of a run, because the
 * entry can write there.
 * @throws Error if the folder cannot be read
 */
export async function findRecordFiles(folder: string, depth = 0): Promise<string[]> {
  const found = await readdir(folder, { withFileTypes: true });
  const names = new Set(found.map((each) => each.name));
  const record = found.find((each) => each.name === officialRecordFile && each.isFile());
  if (record !== undefined) return [join(folder, record.name)];
  // A run that was not signed or never ended.
  if (names.has(recordFile) || names.has('model') || depth === deepestRecord) return [];
  const deeper: string[] = [];
  for (const each of found.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    // A folder in which an entry is being unpacked is not a run.
    if (!each.isDirectory() || each.name.startsWith('.')) continue;
    deeper.push(...(await findRecordFiles(join(folder, each.name), depth + 1)));
  }
  return deeper;
}

/** Takes a kernel lock on its own file (see lockFolder.ts), and waits for it, because it is held only briefly. */
async function lock(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, lockFile);
  const file = await open(path, 'a', 0o600);
  const locking = spawn('flock', ['-x', '-w', String(lockPatienceSeconds), '3'], {
    stdio: ['ignore', 'ignore', 'ignore', file.fd],
  });
  const [result] = await once(locking, 'exit').catch((error) => [error]);
  if (result === 0) return () => file.close();
  await file.close();
  throw new Error(`${path}: could not be locked within ${lockPatienceSeconds} s (flock: ${result})`);
}
