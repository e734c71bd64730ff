// The list of files of a bundle is signed as a compact JWS (RFC 7515) over its sha256. Records are signed one by one as
// runs end; this signature is made when a bundle is exported, and covers what no record does: decisions, rejudgings,
// judgements of canaries, attempts that are void, receipts and rules.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { sha256 } from '../../datasets/sha256.ts';
import { sha256Schema } from '../../datasets/track.ts';
import { algorithm, checkHeader, checkSignature, DoesNotHold, parseJson, readForm } from './signedRecord.ts';
import { jose, keyId } from './signingKey.ts';

/** So that the signature of a record is never one of a list. */
const listType = 'haet-bundle+jws';

const signedListSchema = z.strictObject({
  kind: z.literal('haet-signed-list'),
  schemaVersion: z.literal(1),
  sha256: sha256Schema.describe('of the bytes of the list'),
});

/** Signs a list of files. The same bytes give the same signature. */
export async function signList(list: Uint8Array, signingKey: KeyObject): Promise<string> {
  const signed: z.infer<typeof signedListSchema> = {
    ...{ kind: 'haet-signed-list', schemaVersion: 1 },
    sha256: sha256(list),
  };
  const kid = await keyId(createPublicKey(signingKey));
  const { CompactSign } = await jose();
  return new CompactSign(Buffer.from(JSON.stringify(signed)))
    .setProtectedHeader({ alg: algorithm, typ: listType, kid })
    .sign(signingKey);
}

/**
 * Checks that a list of files was signed.
 * @param bytes of the signature
 * @param key the organizer's public key
 * @throws DoesNotHold
 */
export async function checkList(bytes: Uint8Array, list: Uint8Array, key: KeyObject): Promise<void> {
  const { jws, header } = readForm(bytes);
  await checkHeader(header, key, listType);
  const payload = await checkSignature(jws, key);
  const signed = signedListSchema.safeParse(parseJson(Buffer.from(payload).toString('utf8'), 'its payload'));
  if (!signed.success) throw new DoesNotHold('its payload is not the signature of a list of files');
  if (signed.data.sha256 === sha256(list)) return;
  throw new DoesNotHold(
    'it is the signature of another list of files: something was changed, added or removed',
  );
}
