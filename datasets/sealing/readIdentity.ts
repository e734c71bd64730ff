import { UserError } from '../userError.ts';
import { publicKeyOf } from './age.ts';
import { readWhole } from './readWhole.ts';

const mostBytes = 64 * 1024;

/**
 * Reads the secret key from an identity file, as `haet seal keygen` and `age-keygen` write it: one key on a line of its
 * own; empty lines and those that begin with # do not count.
 *
 * @returns `AGE-SECRET-KEY-1...`
 * @throws UserError when others than its owner may read the file, or it does not hold exactly one key; no message
 *   repeats what stands in it
 */
export async function readIdentity(path: string): Promise<string> {
  const { bytes, mode } = await readWhole(path, mostBytes);
  if ((mode & 0o077) !== 0) {
    throw new UserError({
      path,
      reason: `holds a secret key, and others than its owner may reach it (mode ${mode.toString(8)}; expected 600)`,
      remedy: `Run \`chmod 600 ${path}\`.`,
    });
  }
  const keys = bytes
    .toString('utf8')
    .split('\n')
    .map((text, index) => ({ text: text.trim(), number: index + 1 }))
    .filter(({ text }) => text !== '' && !text.startsWith('#'));
  const [key, ...more] = keys;
  if (key === undefined || more.length > 0) {
    throw new UserError({
      path,
      reason: `holds ${keys.length} lines that could be keys; expected one, AGE-SECRET-KEY-1 and 58 more characters`,
      remedy: 'Give a file that `haet seal keygen` wrote.',
    });
  }
  try {
    await publicKeyOf(key.text);
  } catch (error) {
    throw error instanceof UserError ? error.about({ path: `${path}, line ${key.number}` }) : error;
  }
  return key.text;
}
