import { quoteUntrusted } from '../../datasets/quoteUntrusted.ts';
import { UserError } from '../../datasets/userError.ts';
import { type ArchiveLimits, ratioOf } from './limits.ts';
import { createMemberNames } from './memberNames.ts';

/** A member of an archive as its reader found it, whatever the format. */
export interface Member {
  /** Its path with `/` between folders; bytes that are not UTF-8 are decoded to U+FFFD. */
  readonly name: string;
  /** Other types than `File` and `Directory` are named as in the message: `SymbolicLink`. */
  readonly type: string;
  /** Unpacked size in bytes that its header gives. The reader guarantees that the data is not longer. */
  readonly size: number;
}

export interface MemberRules {
  /**
   * Checks a member; readers call it for every member, in order, before its data is written.
   * @returns its path relative to the folder that it is unpacked to; null if it is left out
   * @throws UserError that names the member and the rule that it breaks
   */
  accept(member: Member): string | null;
  /** Number of members accepted so far. */
  readonly count: number;
}

/** Creates the rules that every archive is held to: type, name and number of members, and their size in all. */
export function createMemberRules(limits: ArchiveLimits, archiveBytes: number): MemberRules {
  const names = createMemberNames(limits);
  const mostByRatio = ratioOf(limits, archiveBytes) * archiveBytes;
  let members = 0;
  let bytes = 0;

  return {
    accept({ name, type, size }) {
      members += 1;
      if (members > limits.members) throw new UserError(`has more than ${limits.members} members`);
      const isFolder = type === 'Directory';
      const refuse = (reason: string): never => {
        throw new UserError(`member ${quoteUntrusted(name)} ${reason}`);
      };
      if (!isFolder && type !== 'File') {
        refuse(`is a ${type}; only regular files and folders are allowed`);
      }
      if (isFolder && size > 0) refuse('is a folder with content');
      const path = names.accept(name, isFolder);
      bytes += size;
      if (bytes > limits.unpackedBytes) {
        refuse(`exceeds ${limits.unpackedBytes} unpacked bytes in total`);
      }
      if (bytes > mostByRatio) {
        refuse(`exceeds the ratio of ${limits.ratio} between the unpacked size and the size of the archive`);
      }
      return isOfMacOS(path) ? null : path;
    },
    get count() {
      return members;
    },
  };
}

/** Whether macOS added it: nothing of it is part of an entry. */
function isOfMacOS(path: string): boolean {
  const segments = path.split('/');
  return segments[0] === '__MACOSX' || segments.at(-1) === '.DS_Store';
}
