import { createPublicKey, type KeyObject } from 'node:crypto';
import { CompactSign } from 'jose';
import { type OfficialRecord, officialRecordSchema } from './officialRecord.ts';
import { keyId } from './signingKey.ts';

/** The one algorithm: EdDSA over Ed25519. */
export const algorithm = 'EdDSA';
export const recordType = 'haet-record+jws';
export const mostPayloadBytes = 64 * 2 ** 20;

/**
 * An official record as a compact JWS (RFC 7515).
 * @throws Error when it does not follow the schema or is too large to be verified
 */
export async function signRecord(official: OfficialRecord, signingKey: KeyObject): Promise<string> {
  officialRecordSchema.parse(official);
  const payload = Buffer.from(JSON.stringify(official));
  if (payload.length > mostPayloadBytes) {
    throw new Error(`the record has ${payload.length} bytes; at most ${mostPayloadBytes} can be verified`);
  }
  const kid = await keyId(createPublicKey(signingKey));
  return new CompactSign(payload)
    .setProtectedHeader({ alg: algorithm, typ: recordType, kid })
    .sign(signingKey);
}
