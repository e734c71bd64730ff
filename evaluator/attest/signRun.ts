import type { KeyObject } from 'node:crypto';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { readIdentity } from '../../datasets/sealing/readIdentity.ts';
import { predictionsFile } from '../contract.ts';
import { hashFile } from '../intake/hashFile.ts';
import { type RunRecord, recordFile } from '../run/record.ts';
import { extendChain } from './chain.ts';
import { consistencyFault } from './consistency/checks.ts';
import { buildOfficialRecord, type OfficialFacts, officialRecordFile } from './officialRecord.ts';
import { signRecord } from './signedRecord.ts';
import { deriveSigningKey } from './signingKey.ts';

/** Signs the record of a run that is over. @returns path of record.jws */
export type Signer = (record: RunRecord) => Promise<string>;

/**
 * Signs with the key that follows from an identity file; the file is read at each signing, and the key not kept.
 * @param chainFolder the folder of all runs, see chain.ts
 * @param image what the evaluator itself runs in, where stages have no image of their own
 */
export function createSigner(identity: string, chainFolder: string, image: string | null = null): Signer {
  return async (record) => {
    const facts = { image: record.sandbox.image ?? image };
    return writeOfficialRecord(record, facts, deriveSigningKey(await readIdentity(identity)), chainFolder);
  };
}

/**
 * Signs the record of a run that is over, as the next of its chain, and puts it beside record.json. Hashes the
 * predictions, so it must be called before they are moved.
 * @param chainFolder the folder of all runs, which holds the head of the chain
 * @returns path of record.jws
 * @throws Error when the run has no record.json, the record contradicts itself or says that a limit was not held, the
 *   chain is broken, or the disk refuses
 */
export async function writeOfficialRecord(
  record: RunRecord,
  facts: Omit<OfficialFacts, 'predictions' | 'chain'>,
  signingKey: KeyObject,
  chainFolder: string,
): Promise<string> {
  // A run that got no folder of its own names the one of all runs.
  await access(join(record.folder, recordFile));
  const left = {
    predictions: await hashFile(join(record.folder, 'predictions', predictionsFile)).catch(() => null),
  };
  const path = join(record.folder, officialRecordFile);
  await extendChain(chainFolder, signingKey, async (chain) => {
    const official = buildOfficialRecord(record, { ...facts, ...left, chain });
    const fault = consistencyFault(official);
    if (fault !== null) throw new Error(`it would not verify: ${fault}`);
    const jws = await signRecord(official, signingKey);
    await replaceFile(path, jws);
    return jws;
  });
  return path;
}
