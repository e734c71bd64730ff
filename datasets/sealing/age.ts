import type { Decrypter } from 'age-encryption';
import { UserError } from '../userError.ts';

/** Loaded when it is needed, because that is slow, and most commands seal and open nothing. */
const library = () => import('age-encryption');

/** First line of every age file (https://age-encryption.org/v1). */
const firstLine = Buffer.from('age-encryption.org/v1\n');

/** Form of an X25519 public key. */
export const recipientPattern = /^age1[02-9ac-hj-np-z]{58}$/;

/**
 * Encrypts to X25519 recipients (`age1...`), which every version of age supports; each recipient can decrypt.
 *
 * @throws Error if a recipient is not such a key, see {@link checkRecipient}
 */
export async function encrypt(plain: Uint8Array, ...recipients: readonly string[]): Promise<Uint8Array> {
  const { Encrypter } = await library();
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return encrypter.encrypt(plain);
}

/**
 * Rejects an invalid recipient.
 *
 * @param option names the recipient in messages, e.g. `--to`
 * @throws UserError if `recipient` is not an X25519 public key; the message never contains a secret key
 */
export async function checkRecipient(option: string, recipient: string): Promise<void> {
  if (/AGE-SECRET-KEY/i.test(recipient)) {
    throw new UserError({
      option,
      reason: 'is a secret key (not shown); expected a public key, age1 and 58 more characters',
      remedy:
        'Make a new pair with `haet seal keygen`, because the shell may have stored this one in its history.',
    });
  }
  const refusal = new UserError({
    option,
    reason: 'is not an age public key (X25519)',
    remedy: 'Give age1 and 58 more characters, as `haet seal keygen` or `age-keygen -y` prints it.',
  });
  if (!recipientPattern.test(recipient)) throw refusal;
  await library(); // so that the refusal below never has another cause
  try {
    // An invalid curve point is detected only by using it.
    await encrypt(new Uint8Array(), recipient);
  } catch {
    throw refusal;
  }
}

/**
 * Decrypts an age file completely, or throws.
 *
 * @param name replaces the path in messages
 * @param key the identity, `AGE-SECRET-KEY-1...`, or the file key, see {@link fileKeyOf}
 * @throws UserError if it is not an age file, is sealed for another key, or was altered
 */
export async function decrypt(
  name: string,
  sealed: Uint8Array,
  key: string | Uint8Array,
): Promise<Uint8Array> {
  if (typeof key === 'string') return openWith(name, sealed, key, (decrypter) => decrypter.decrypt(sealed));
  requireAgeFile(name, sealed);
  const { Decrypter } = await library();
  const decrypter = new Decrypter();
  decrypter.addIdentity({ unwrapFileKey: () => key });
  try {
    return await decrypter.decrypt(sealed);
  } catch {
    throw new UserError({
      path: name,
      reason:
        'does not open with the given file key: the file was altered, or the key belongs to another file',
      remedy: 'Use the published file and key.',
    });
  }
}

/**
 * Returns the 16-byte key of one age file. It opens only that file and reveals nothing about the identity. The file
 * contains an HMAC-SHA256 of its header under this key, so no other key opens the same bytes.
 *
 * @param name replaces the path in messages
 * @param identity `AGE-SECRET-KEY-1...`
 * @throws UserError as {@link decrypt}
 */
export function fileKeyOf(name: string, sealed: Uint8Array, identity: string): Promise<Uint8Array> {
  return openWith(name, sealed, identity, (decrypter) => decrypter.decryptHeader(sealed));
}

async function openWith(
  name: string,
  sealed: Uint8Array,
  identity: string,
  open: (decrypter: Decrypter) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const publicKey = await publicKeyOf(identity);
  requireAgeFile(name, sealed);
  const { Decrypter } = await library();
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  try {
    return await open(decrypter);
  } catch (error) {
    // The library distinguishes causes only by message text.
    if ((error as Error).message.startsWith('no identity matched')) {
      throw new UserError({
        path: name,
        reason: `is not sealed for the key ${publicKey}, or its header was altered`,
        remedy: 'Give the matching identity file.',
      });
    }
    throw new UserError({
      path: name,
      reason: 'is damaged: it was altered or truncated after sealing',
      remedy: 'Download the published file again.',
    });
  }
}

function requireAgeFile(name: string, sealed: Uint8Array): void {
  if (isAgeFile(sealed)) return;
  throw new UserError({
    path: name,
    reason: `is not an age file: it does not start with the line ${firstLine.toString().trim()}`,
    remedy: 'Give the file that `haet seal` wrote.',
  });
}

/** Whether a file starts like an age file. */
export function isAgeFile(bytes: Uint8Array): boolean {
  return firstLine.equals(bytes.subarray(0, firstLine.length));
}

/**
 * Returns the public key, `age1...`, of a secret key.
 * @throws UserError if `identity` is not an X25519 secret key; the message never contains it
 */
export async function publicKeyOf(identity: string): Promise<string> {
  const { identityToRecipient } = await library();
  try {
    if (!identity.startsWith('AGE-SECRET-KEY-1')) throw new Error('of another kind');
    return await identityToRecipient(identity);
  } catch {
    throw new UserError({
      reason:
        'the identity is not an age secret key (X25519): expected AGE-SECRET-KEY-1 and 58 more characters',
      remedy: 'Make one with `haet seal keygen`.',
    });
  }
}
