import { UserError } from '../../datasets/userError.ts';

/**
 * Checks that the current folder can be entered by its path. Paths in arguments are resolved against it, and every
 * program that a run starts enters it.
 * @throws UserError if it was removed, or this user may not enter it
 */
export function requireCurrentFolder(): void {
  let path: string | undefined;
  try {
    path = process.cwd();
    process.chdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError({
      path: path ?? 'the current folder',
      reason:
        code === 'ENOENT'
          ? 'was removed or replaced'
          : `is the current folder, and you may not enter it (${code})`,
      remedy: 'Change to another folder, for example with `cd /tmp`, and give absolute paths.',
    });
  }
}
