// Theory of operation
//
// The records that one organizer signs in one folder of runs form a chain: each has a number, from 1, and the sha256 of
// the record.jws before it. Who has all of them sees whether one is missing or was exchanged, so that a run cannot be
// made again until it suits somebody without that being seen.
//
// chain.json holds the head: number and sha256 of the last record. A record is written first and the head second, each
// whole or not at all, under a lock. A kill between the two leaves one record that follows the head; the next to sign
// finds it among the files and goes on from there. A kill before the first leaves nothing. So no number is given twice,
// and none is left out.
//
// The head is also what shows that the last records were deleted: the next number is then still the one after them.

import { spawn } from 'node:child_process';
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { describeFault } from '../../datasets/describeFault.ts';
import { sha256Schema } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { writeWhole } from '../../datasets/writeWhole.ts';
import { DoesNotHold } from './doesNotHold.ts';
import { findRecordFiles } from './findRecordFiles.ts';
import type { OfficialRecord } from './officialRecord.ts';
import { checkHeader, checkSignature, mostRecordBytes, readForm, readPayload } from './openRecord.ts';
import { verifyKeyText } from './signingKey.ts';

export const chainFile = 'chain.json';
const lockFile = '.chain.lock';
const lockPatienceSeconds = 60;

/** Where a record stands in the chain. */
export type ChainPlace = OfficialRecord['chain'];

const headSchema = z.strictObject({
  schemaVersion: z.literal(1),
  verifyKey: z.string().describe('whose records these are'),
  number: z.int().positive().describe('of the last record, and so how many there are'),
  sha256: sha256Schema.describe('of the last record.jws'),
});

/** The last record of a chain; number 0 where there is none yet. */
export interface ChainHead {
  readonly number: number;
  readonly sha256: string | null;
}

/** A record.jws that somebody signed with the key at hand. */
interface SignedFile {
  readonly path: string;
  readonly sha256: string;
  readonly chain: ChainPlace;
}

/**
 * Gives the next place in a folder's chain to a record that is about to be signed, and moves the head to it.
 * @param write signs the record for that place and puts it on disk; returns its bytes
 * @throws UserError where the chain is another organizer's; Error where the files contradict the head, or the disk refuses
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
    await writeHead(folder, key, { number: place.number, sha256: sha256Of(Buffer.from(jws)) });
  } finally {
    await unlock();
  }
}

/**
 * Moves the head of a folder's chain to the last record that was signed there, where a kill came between the two.
 * @param key the organizer's public key
 * @throws as `extendChain`
 */
export async function settleHead(folder: string, key: KeyObject): Promise<void> {
  const unlock = await lock(folder);
  try {
    const { number, sha256 } = await findHead(folder, key);
    if (sha256 !== null && readHead(folder)?.number !== number)
      await writeHead(folder, key, { number, sha256 });
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
  // In the image an entry sees this folder, and what others did is not its business.
  await writeWhole(join(folder, chainFile), `${JSON.stringify(head, null, 2)}\n`, 0o600);
}

/**
 * Checks that a record could be signed in a folder, before any time is spent on a run.
 * @param key the organizer's public key
 * @throws as `extendChain`
 */
export async function requireChain(folder: string, key: KeyObject): Promise<void> {
  if (!(await stat(folder).catch(() => null))?.isDirectory()) return;
  await findHead(folder, key);
}

/** The head as chain.json has it; null where there is none, or it cannot be read. For leaderboards. */
export function readHead(folder: string): ChainHead | null {
  try {
    const { number, sha256 } = headSchema.parse(JSON.parse(readFileSync(join(folder, chainFile), 'utf8')));
    return { number, sha256 };
  } catch {
    return null;
  }
}

async function findHead(folder: string, key: KeyObject): Promise<ChainHead> {
  const written = await readHeadFile(folder, verifyKeyText(key));
  const records = await readRecords(folder, key);
  const here = written === null ? [] : records.filter(({ chain }) => chain.number === written.number);
  for (const each of here) {
    if (each.sha256 === written!.sha256) continue;
    throw new Error(
      `${each.path} says that it is number ${written!.number} of the chain, and ${join(folder, chainFile)} names another record as that. Put back the one that was signed.`,
    );
  }
  if (written === null) return records.at(-1) === undefined ? noHead : headAt(records.at(-1)!);
  return records.filter(({ chain }) => chain.number > written.number).reduce(follow, written);
}

const noHead: ChainHead = { number: 0, sha256: null };
const headAt = ({ chain, sha256 }: SignedFile): ChainHead => ({ number: chain.number, sha256 });

/** @throws Error when the record does not come next */
function follow(head: ChainHead, record: SignedFile): ChainHead {
  if (record.chain.number === head.number && record.sha256 === head.sha256) return head;
  if (record.chain.number === head.number + 1 && record.chain.previousSha256 === head.sha256) {
    return headAt(record);
  }
  throw new Error(
    `${record.path} is number ${record.chain.number} of the chain and does not follow number ${head.number}, which was signed last. Put back ${chainFile} and the records as they were.`,
  );
}

async function readHeadFile(folder: string, verifyKey: string): Promise<ChainHead | null> {
  const path = join(folder, chainFile);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new UserError(`${path}: cannot be read (${describeFault(error)}). Make it readable.`);
  });
  if (text === null) return null;
  let head: z.infer<typeof headSchema>;
  try {
    head = headSchema.parse(JSON.parse(text));
  } catch {
    throw new UserError(
      `${path}: is not the head of a chain of signed records. Put it back as it was, or take another folder.`,
    );
  }
  if (head.verifyKey === verifyKey) return { number: head.number, sha256: head.sha256 };
  throw new UserError(
    `${path}: the records there are signed with another key (${head.verifyKey}). Give that identity, or another folder.`,
  );
}

/** Those that were signed with a key, by their numbers; others are passed over. */
async function readRecords(folder: string, key: KeyObject): Promise<SignedFile[]> {
  const found: SignedFile[] = [];
  for (const path of await findRecordFiles(folder)) {
    const bytes = await readFile(path);
    const chain = await placeOf(bytes, key);
    if (chain !== null) found.push({ path, sha256: sha256Of(bytes), chain });
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

/** A lock of the kernel on a file of its own, see lockFolder.ts; waited for, since it is held for moments. */
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

/** As hexadecimal digits. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
