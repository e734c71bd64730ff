import { createPublicKey, type KeyObject } from 'node:crypto';
import { CompactSign, compactVerify, errors } from 'jose';
import { type OfficialRecord, officialRecordSchema, officialRecordVersion } from './officialRecord.ts';
import { keyId } from './signingKey.ts';

/** The one algorithm: EdDSA over Ed25519. */
const algorithm = 'EdDSA';
const recordType = 'haet-record+jws';
export const mostPayloadBytes = 64 * 2 ** 20;
/** More than the longest header, payload and signature in base64url. */
export const mostRecordBytes = Math.ceil((mostPayloadBytes * 4) / 3) + 4096;

/** Something that a record claims is not so; the message says what, as one sentence. */
export class DoesNotHold extends Error {
  override readonly name = 'DoesNotHold';
}

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

/**
 * Takes the bytes of record.jws for a compact JWS: three parts in base64url, nothing before, between or after. A part
 * that a decoder would read but no encoder writes (spare bits at its end that are not zero) is refused: the signature
 * cannot show that such a byte was changed.
 * @returns its text, its header undecoded
 * @throws DoesNotHold
 */
export function readForm(bytes: Uint8Array): { jws: string; header: string } {
  if (bytes.length > mostRecordBytes) {
    throw new DoesNotHold(`it is larger than any record: at most ${mostRecordBytes} bytes`);
  }
  const jws = Buffer.from(bytes).toString('latin1');
  const stray = /[^A-Za-z0-9_.-]/.exec(jws);
  if (stray !== null) {
    throw new DoesNotHold(
      `byte ${stray.index} is 0x${bytes[stray.index]!.toString(16).padStart(2, '0')}, which no record holds; not even a line break may be added`,
    );
  }
  const parts = jws.split('.');
  if (parts.length !== 3) {
    throw new DoesNotHold(
      `it has ${parts.length} parts between dots, and a signed record has 3 (header, payload, signature)`,
    );
  }
  ['header', 'payload', 'signature'].forEach((name, index) => {
    const part = parts[index]!;
    if (part === '') throw new DoesNotHold(`its ${name} is empty`);
    if (Buffer.from(part, 'base64url').toString('base64url') !== part) {
      throw new DoesNotHold(`its ${name} is not written as base64url writes it: a character was changed`);
    }
  });
  return { jws, header: Buffer.from(parts[0]!, 'base64url').toString('utf8') };
}

/**
 * The header says how the record was signed. Nothing but the one way is taken, so that no header can choose a weaker.
 * @throws DoesNotHold
 */
export async function checkHeader(text: string, key: KeyObject): Promise<void> {
  const header = parseJson(text, 'its header');
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw new DoesNotHold('its header is no JSON object');
  }
  const { alg, typ, kid, ...others } = header as Record<string, unknown>;
  if (alg !== algorithm) {
    throw new DoesNotHold(`its header names the algorithm ${shown(alg)}; only ${shown(algorithm)} is taken`);
  }
  if (typ !== recordType) {
    throw new DoesNotHold(`its header names the type ${shown(typ)}; a record has ${shown(recordType)}`);
  }
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new DoesNotHold(`its header has a field ${shown(other)}, which no record has`);
  }
  const expected = await keyId(key);
  if (kid !== expected) {
    throw new DoesNotHold(
      `it names the signing key ${shown(kid)}, and the key that was given is ${shown(expected)}: somebody else signed it, or the key given is not the organizer's`,
    );
  }
}

/** @throws DoesNotHold */
export async function checkSignature(jws: string, key: KeyObject): Promise<Uint8Array> {
  try {
    return (await compactVerify(jws, key, { algorithms: [algorithm] })).payload;
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    throw new DoesNotHold(
      'the signature was not made over these bytes with the key that was given: the record was changed after it was signed, or somebody else signed it',
    );
  }
}

/** @throws DoesNotHold naming the first field that is not as the schema says */
export function readPayload(payload: Uint8Array): OfficialRecord {
  if (payload.length > mostPayloadBytes) {
    throw new DoesNotHold(`its payload has ${payload.length} bytes; at most ${mostPayloadBytes}`);
  }
  const json = parseJson(Buffer.from(payload).toString('utf8'), 'its payload');
  const parsed = officialRecordSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const { schemaVersion } = (json ?? {}) as { schemaVersion?: unknown };
  if (typeof schemaVersion === 'number' && schemaVersion !== officialRecordVersion) {
    throw new DoesNotHold(
      `its payload is an official record of version ${schemaVersion}, and this haet reads version ${officialRecordVersion}: verify it with the haet that wrote it`,
    );
  }
  const { path, message } = parsed.error.issues[0]!;
  throw new DoesNotHold(
    `its payload is no official record of version ${officialRecordVersion}: ${path.length === 0 ? '' : `${path.join('.')}: `}${message}`,
  );
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new DoesNotHold(`${what} is not JSON`);
  }
}

/** A value that may be anything, made fit for a line of text. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return (text.length > 100 ? `${text.slice(0, 100)}…` : text).replace(/\p{Cc}|\p{Cf}/gu, '?');
}
