import { generateX25519Identity } from 'age-encryption';
import { createFile } from '../atomicWrite.ts';
import { publicKeyOf } from './age.ts';

/**
 * Makes a key pair and writes its identity file, the secret half, as `age-keygen` does: readable by its owner only.
 *
 * @param purpose what the key is for, one line in the file for people
 * @returns the public key, `age1...`
 * @throws UserError when the file is there already or cannot be written
 */
export async function makeIdentity(path: string, purpose: string): Promise<string> {
  const identity = await generateX25519Identity();
  const publicKey = await publicKeyOf(identity);
  const created = `${new Date().toISOString().slice(0, 19)}Z`;
  await createFile(
    path,
    `# ${purpose}\n# created: ${created}\n# public key: ${publicKey}\n${identity}\n`,
    0o600,
  );
  return publicKey;
}
