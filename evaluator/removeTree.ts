import { lstat } from 'node:fs/promises';
import { execa } from 'execa';

/**
 * Removes what a stranger made, however deep and however shut. Node's own removal stops at paths of 4096 bytes, and at
 * folders that its owner may not enter.
 * @throws Error when some of it is still there
 */
export async function removeTree(path: string): Promise<void> {
  await execa('chmod', ['-R', 'u+rwX', '--', path], { reject: false, stdio: 'ignore' });
  await execa('rm', ['-rf', '--', path], { reject: false, stdio: 'ignore' });
  const left = await lstat(path).catch(() => null);
  if (left !== null) throw new Error(`${path} could not be removed`);
}
