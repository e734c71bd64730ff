import { createPublicKey, type KeyObject } from 'node:crypto';
import { type OfficialRecord, officialRecordSchema, officialRecordVersion } from './officialRecord.ts';
import { jose, keyId } from './signingKey.ts';

/** The one algorithm: EdDSA over Ed25519. */
export const algorithm = 'EdDSA';
const recordType = 'haet-record+jws';
export const mostPayloadBytes = 64 * 2 ** 20;
/** More than the longest header, payload and signature in base64url. */
export const mostRecordBytes = Math.ceil((mostPayloadBytes * 4) / 3) + 4096;

/** A claim of a record is false; the message says which, in one sentence. */
export class DoesNotHold extends Error {
  override readonly name = 'DoesNotHold';
}

/**
 * Signs an official record as a compact JWS (RFC 7515).
 * @throws Error if it does not follow the schema or is too large to be verified
 */
export async function signRecord(official: OfficialRecord, signingKey: KeyObject): Promise<string> {
  officialRecordSchema.parse(official);
  const payload = Buffer.from(JSON.stringify(official));
  if (payload.length > mostPayloadBytes) {
    throw new Error(`the record has ${payload.length} bytes; maximum ${mostPayloadBytes}`);
  }
  const { CompactSign } = await jose();
  const kid = await keyId(createPublicKey(signingKey));
  return new CompactSign(payload)
    .setProtectedHeader({ alg: algorithm, typ: recordType, kid })
    .sign(signingKey);
}

/**
 * Parses record.jws as a compact JWS: three base64url parts and nothing else. Non-canonical base64url (non-zero spare
 * bits) is rejected, because the signature would not detect that change.
 * @returns its text, its header undecoded
 * @throws DoesNotHold
 */
export function readForm(bytes: Uint8Array): { jws: string; header: string } {
  if (bytes.length > mostRecordBytes) {
    throw new DoesNotHold(`it is larger than any record: maximum ${mostRecordBytes} bytes`);
  }
  const jws = Buffer.from(bytes).toString('latin1');
  const stray = /[^A-Za-z0-9_.-]/.exec(jws);
  if (stray !== null) {
    throw new DoesNotHold(
      `byte ${stray.index} is 0x${bytes[stray.index]!.toString(16).padStart(2, '0')}, which is not allowed; not even a line break may be added`,
    );
  }
  const parts = jws.split('.');
  if (parts.length !== 3) {
    throw new DoesNotHold(
      `it has ${parts.length} parts separated by dots, expected 3 (header, payload, signature)`,
    );
  }
  ['header', 'payload', 'signature'].forEach((name, index) => {
    const part = parts[index]!;
    if (part === '') throw new DoesNotHold(`its ${name} is empty`);
    if (Buffer.from(part, 'base64url').toString('base64url') !== part) {
      throw new DoesNotHold(`its ${name} is not canonical base64url: a character was changed`);
    }
  });
  return { jws, header: Buffer.from(parts[0]!, 'base64url').toString('utf8') };
}

/**
 * Checks the header: of a record, or of another type of signed content. Only one algorithm is accepted, so a header cannot choose a weaker one.
 * @throws DoesNotHold
 */
export async function checkHeader(text: string, key: KeyObject, type = recordType): Promise<void> {
  const header = parseJson(text, 'its header');
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw new DoesNotHold('its header is not a JSON object');
  }
  const { alg, typ, kid, ...others } = header as Record<string, unknown>;
  if (alg !== algorithm) {
    throw new DoesNotHold(
      `its header names the algorithm ${shown(alg)}; only ${shown(algorithm)} is accepted`,
    );
  }
  if (typ !== type) {
    throw new DoesNotHold(`its header names the type ${shown(typ)}; expected ${shown(type)}`);
  }
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new DoesNotHold(`its header has the unknown field ${shown(other)}`);
  }
  const expected = await keyId(key);
  if (kid !== expected) {
    throw new DoesNotHold(
      `it was signed with the key ${shown(kid)}, but the given key is ${shown(expected)}: it was signed by someone else, or the given key is not the organizer's`,
    );
  }
}

/**
 * Verifies the signature and returns the payload.
 * @throws DoesNotHold
 */
export async function checkSignature(jws: string, key: KeyObject): Promise<Uint8Array> {
  const { compactVerify, errors } = await jose();
  try {
    return (await compactVerify(jws, key, { algorithms: [algorithm] })).payload;
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    throw new DoesNotHold(
      'the signature does not match these bytes and the given key: the record was changed, or someone else signed it',
    );
  }
}

/**
 * Parses the payload.
 * @throws DoesNotHold that names the first field that violates the schema
 */
export function readPayload(payload: Uint8Array): OfficialRecord {
  if (payload.length > mostPayloadBytes) {
    throw new DoesNotHold(`its payload has ${payload.length} bytes, maximum ${mostPayloadBytes}`);
  }
  const json = parseJson(Buffer.from(payload).toString('utf8'), 'its payload');
  const parsed = officialRecordSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const { schemaVersion } = (json ?? {}) as { schemaVersion?: unknown };
  if (typeof schemaVersion === 'number' && schemaVersion !== officialRecordVersion) {
    throw new DoesNotHold(
      `its payload is an official record of version ${schemaVersion}, but this haet reads version ${officialRecordVersion}: verify it with the haet that wrote it`,
    );
  }
  const { path, message } = parsed.error.issues[0]!;
  throw new DoesNotHold(
    `its payload is not an official record of version ${officialRecordVersion}: ${path.length === 0 ? '' : `${path.join('.')}: `}${message}`,
  );
}

/** @throws DoesNotHold */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new DoesNotHold(`${what} is not JSON`);
  }
}

/** Formats an untrusted value for a line of text. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return (text.length > 100 ? `${text.slice(0, 100)}…` : text).replace(/\p{Cc}|\p{Cf}/gu, '?');
}
