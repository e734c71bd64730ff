import { codeAndMeaning, isDenied, ownership } from '../systemError.ts';
import { UserError } from '../userError.ts';

/** Returns the error for a file or folder of a source that the system does not let us read. */
export function unreadable(path: string, error: unknown, remedy: string): UserError {
  return new UserError({
    path,
    reason: `cannot be read (${codeAndMeaning(error)}${isDenied(error) ? ownership(path) : ''})`,
    remedy: isDenied(error) ? 'Let its owner make it readable, or give --from a copy of yours.' : remedy,
  });
}
