import { quoteUntrusted } from '../../datasets/quoteUntrusted.ts';
import { UserError } from '../../datasets/userError.ts';
import type { ArchiveLimits } from './limits.ts';

const longestSegment = 255; // bytes; NAME_MAX of Linux

export interface MemberNames {
  /**
   * The member's path below the folder that it is unpacked to, '' for that folder itself.
   * @throws UserError naming the member, when it must not be unpacked
   */
  accept(name: string, isFolder: boolean): string;
}

/**
 * Decides which names the members of one archive may have: relative, going down only, printable, within the limits, and
 * each the name of one thing only, also where upper and lower case or two ways to write an accent are the same.
 */
export function createMemberNames(limits: Pick<ArchiveLimits, 'depth' | 'pathBytes'>): MemberNames {
  const seen = new Map<string, { path: string; isFolder: boolean }>();

  function register(path: string, isFolder: boolean, refuse: (reason: string) => never): void {
    const key = path.normalize('NFC').toLowerCase();
    const other = seen.get(key);
    if (other === undefined) {
      seen.set(key, { path, isFolder });
    } else if (other.path !== path) {
      refuse(
        `is the same as ${quoteUntrusted(other.path)} where case or the way to write an accent does not count`,
      );
    } else if (!(isFolder && other.isFolder)) {
      refuse('comes twice');
    }
  }

  return {
    accept(name, isFolder) {
      const refuse = (reason: string): never => {
        throw new UserError(`member ${quoteUntrusted(name)} ${reason}`);
      };
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      if (/[\u0000-\u001f\u007f]/.test(name)) refuse('has a control character in its name');
      if (name.includes('\ufffd')) refuse('has a name that is not UTF-8');
      if (name.startsWith('/')) refuse('has an absolute path');
      if (Buffer.byteLength(name) > limits.pathBytes) refuse(`has a path of over ${limits.pathBytes} bytes`);
      const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.');
      if (segments.includes('..')) refuse('leads out of the archive by ".."');
      if (segments.some((segment) => Buffer.byteLength(segment) > longestSegment)) {
        refuse(`has a name of over ${longestSegment} bytes`);
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
