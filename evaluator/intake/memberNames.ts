import { quoteUntrusted } from '../../datasets/quoteUntrusted.ts';
import { UserError } from '../../datasets/userError.ts';
import type { ArchiveLimits } from './limits.ts';

const longestSegment = 255; // bytes; NAME_MAX of Linux

export interface MemberNames {
  /**
   * Returns the member's path relative to the folder that it is unpacked to, '' for that folder itself.
   * @throws UserError that names the member, if it must not be unpacked
   */
  accept(name: string, isFolder: boolean): string;
}

/**
 * Checks member names: relative, without `..` and backslashes, printable, within the limits, and unique even on file systems that
 * ignore case or Unicode normalisation.
 */
export function createMemberNames(limits: Pick<ArchiveLimits, 'depth' | 'pathBytes'>): MemberNames {
  const seen = new Map<string, { path: string; isFolder: boolean }>();

  function register(path: string, isFolder: boolean, refuse: (reason: string) => never): void {
    const key = path.normalize('NFC').toLowerCase();
    const other = seen.get(key);
    if (other === undefined) {
      seen.set(key, { path, isFolder });
    } else if (other.path !== path) {
      refuse(`is the same as ${quoteUntrusted(other.path)} if case or Unicode normalisation is ignored`);
    } else if (!(isFolder && other.isFolder)) {
      refuse('occurs twice');
    }
  }

  return {
    accept(name, isFolder) {
      const refuse = (reason: string): never => {
        throw new UserError(`member ${quoteUntrusted(name)} ${reason}`);
      };
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the regex searches for them
      if (/[\u0000-\u001f\u007f]/.test(name)) refuse('has a control character in its name');
      if (name.includes('\ufffd')) refuse('has a name that is not UTF-8');
      if (name.includes('\\')) refuse('has a backslash in its name; archives use "/" between folders');
      if (/^(?:\/|[a-z]:\/)/i.test(name)) refuse('has an absolute path');
      if (Buffer.byteLength(name) > limits.pathBytes)
        refuse(`has a path of more than ${limits.pathBytes} bytes`);
      const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.');
      if (segments.includes('..')) refuse('leaves the archive through ".."');
      if (segments.some((segment) => Buffer.byteLength(segment) > longestSegment)) {
        refuse(`has a name of more than ${longestSegment} bytes`);
      }
      if (segments.length > limits.depth) refuse(`is more than ${limits.depth} folders deep`);
      if (segments.length === 0) return isFolder ? '' : refuse('has no name');
      for (let end = 1; end < segments.length; end += 1) {
        register(segments.slice(0, end).join('/'), true, refuse);
      }
      const path = segments.join('/');
      register(path, isFolder, refuse);
      return path;
    },
  };
}
