import { UserError } from '../userError.ts';
import { publicKeyOf } from './age.ts';
import { readWhole } from './readWhole.ts';

const mostBytes = 64 * 1024;

/**
 * Reads the secret key from an identity file, as `haet seal keygen` and `age-keygen` write it: one key on its own
 * line; empty lines and lines that start with # are ignored.
 *
 * @returns `AGE-SECRET-KEY-1...`
 * @throws UserError if others can read the file or it does not contain exactly one key; messages never contain its
 *   content
 */
export async function readIdentity(path: string): Promise<string> {
  const { bytes, mode } = await readWhole(path, mostBytes);
  if ((mode & 0o077) !== 0) {
    throw new UserError({
      path,
      reason: `contains a secret key and is accessible to others (mode ${mode.toString(8)}; expected 600)`,
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
      reason: `contains ${keys.length} lines that look like keys; expected one, AGE-SECRET-KEY-1 and 58 more characters`,
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
