import { Decrypter, Encrypter, identityToRecipient } from 'age-encryption';
import { UserError } from '../userError.ts';

/** First line of every age file (https://age-encryption.org/v1). */
const firstLine = Buffer.from('age-encryption.org/v1\n');

/** Form of an X25519 public key. */
export const recipientPattern = /^age1[02-9ac-hj-np-z]{58}$/;

/**
 * Encrypts to X25519 recipients, `age1...`, which every version of age knows; each of them opens it.
 *
 * @throws Error when one of `recipients` is not such a key, see {@link checkRecipient}
 */
export async function encrypt(plain: Uint8Array, ...recipients: readonly string[]): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return encrypter.encrypt(plain);
}

/**
 * Refuses what cannot be encrypted to.
 *
 * @param option names the recipient in messages, e.g. `--to`
 * @throws UserError when `recipient` is no X25519 public key; a secret key is never repeated
 */
export async function checkRecipient(option: string, recipient: string): Promise<void> {
  if (/AGE-SECRET-KEY/i.test(recipient)) {
    throw new UserError({
      option,
      reason:
        'is a secret key, which is not repeated here; expected a public key, age1 and 58 more characters',
      remedy: 'Make a new pair with `haet seal keygen`: the shell may have kept this one in its history.',
    });
  }
  const refusal = new UserError({
    option,
    reason: 'is not an age public key (X25519)',
    remedy: 'Give age1 and 58 more characters, as `haet seal keygen` or `age-keygen -y` prints it.',
  });
  if (!recipientPattern.test(recipient)) throw refusal;
  try {
    // A point that no secret key belongs to is found out only by using it.
    await encrypt(new Uint8Array(), recipient);
  } catch {
    throw refusal;
  }
}

/**
 * Decrypts an age file, all of it or nothing.
 *
 * @param name stands for the file in messages
 * @param key the identity, `AGE-SECRET-KEY-1...`, or the file key, see {@link fileKeyOf}
 * @throws UserError when it is no age file, is sealed for another key, or is not what was sealed to the last byte
 */
export async function decrypt(
  name: string,
  sealed: Uint8Array,
  key: string | Uint8Array,
): Promise<Uint8Array> {
  if (typeof key === 'string') return openWith(name, sealed, key, (decrypter) => decrypter.decrypt(sealed));
  requireAgeFile(name, sealed);
  const decrypter = new Decrypter();
  decrypter.addIdentity({ unwrapFileKey: () => key });
  try {
    return await decrypter.decrypt(sealed);
  } catch {
    throw new UserError({
      path: name,
      reason:
        'does not open with the file key that was given: it was altered, or the key is that of another file',
      remedy: 'Give the sealed file and the key as they were published.',
    });
  }
}

/**
 * The key of one age file alone, 16 bytes: it opens that file and no other, and tells nothing of the identity. The file
 * holds a code of it (HMAC-SHA256), so that no second key opens the same bytes as something else.
 *
 * @param name stands for the file in messages
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
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  try {
    return await open(decrypter);
  } catch (error) {
    // The library tells its causes apart by their words alone.
    if ((error as Error).message.startsWith('no identity matched')) {
      throw new UserError({
        path: name,
        reason: `is not sealed for the key ${publicKey}, or its first lines were altered`,
        remedy: 'Give the identity file whose public key it was sealed for.',
      });
    }
    throw new UserError({
      path: name,
      reason: 'is damaged: it was altered or cut short after it was sealed',
      remedy: 'Fetch it again from where it was published.',
    });
  }
}

function requireAgeFile(name: string, sealed: Uint8Array): void {
  if (isAgeFile(sealed)) return;
  throw new UserError({
    path: name,
    reason: `is not an age file: it does not begin with the line ${firstLine.toString().trim()}`,
    remedy: 'Give the file that `haet seal` wrote.',
  });
}

/** Whether a file claims to be in the age format; what it holds is known only once it is opened. */
export function isAgeFile(bytes: Uint8Array): boolean {
  return firstLine.equals(bytes.subarray(0, firstLine.length));
}

/**
 * The public key, `age1...`, that belongs to a secret key.
 * @throws UserError when `identity` is no X25519 secret key; it is never repeated
 */
export async function publicKeyOf(identity: string): Promise<string> {
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
