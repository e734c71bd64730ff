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

/** Signs the record of a finished run and returns the path of record.jws. */
export type Signer = (record: RunRecord) => Promise<string>;

/**
 * Returns a signer that derives its key from an identity file. The file is read at each signing, and the key is not
 * kept.
 * @param chainFolder the folder of all runs, see chain.ts
 * @param image image of the evaluator, if stages have no image of their own
 */
export function createSigner(identity: string, chainFolder: string, image: string | null = null): Signer {
  return async (record) => {
    const facts = { image: record.sandbox.image ?? image };
    return writeOfficialRecord(record, facts, deriveSigningKey(await readIdentity(identity)), chainFolder);
  };
}

/**
 * Signs the record of a finished run as the next of its chain and writes it beside record.json. Hashes the
 * predictions, so call it before they are moved.
 * @param chainFolder the folder of all runs, with the head of the chain
 * @returns path of record.jws
 * @throws Error if the run has no record.json, the record contradicts itself or says that a limit was not enforced,
 *   the chain is broken, or writing fails
 */
export async function writeOfficialRecord(
  record: RunRecord,
  facts: Omit<OfficialFacts, 'predictions' | 'chain'>,
  signingKey: KeyObject,
  chainFolder: string,
): Promise<string> {
  // A run whose own folder could not be created names the folder of all runs.
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
