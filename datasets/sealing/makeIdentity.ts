import { generateX25519Identity } from 'age-encryption';
import { createFile } from '../atomicWrite.ts';
import { publicKeyOf } from './age.ts';

/**
 * Generates a key pair and writes the secret key to an identity file like `age-keygen`, readable by its owner only.
 *
 * @param purpose purpose of the key, a comment line in the file
 * @returns the public key, `age1...`
 * @throws UserError if the file exists or cannot be written
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
