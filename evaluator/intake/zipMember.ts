import { constants } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { Entry } from 'yauzl';

/** Systems that a member can be made on, as APPNOTE 4.4.2 numbers them. */
const unixHosts = [3, 19]; // Unix, macOS
const dosHosts = [0, 10, 11, 14]; // MS-DOS and its successors: FAT, NTFS, VFAT

/** Types of files in a Unix mode, named as in a tar. */
const types = new Map([
  [constants.S_IFDIR, 'Directory'],
  [constants.S_IFLNK, 'SymbolicLink'],
  [constants.S_IFCHR, 'CharacterDevice'],
  [constants.S_IFBLK, 'BlockDevice'],
  [constants.S_IFIFO, 'FIFO'],
  [constants.S_IFSOCK, 'Socket'],
]);

const dosFolder = 0x10;

const hostOf = ({ versionMadeBy }: Entry): number => versionMadeBy >> 8;
const modeOf = ({ externalFileAttributes }: Entry): number => externalFileAttributes >>> 16;

/**
 * Returns the name of a member. macOS writes UTF-8 without saying so, thus every name is read as UTF-8, and other bytes
 * become U+FFFD. On Windows a name cannot contain a backslash, so it separates folders there.
 */
export function nameOf(entry: Entry): string {
  const name = unicodeName(entry) ?? entry.fileNameRaw.toString('utf8');
  return dosHosts.includes(hostOf(entry)) ? name.replaceAll('\\', '/') : name;
}

/** Returns the name in the extra field 0x7075; null if there is none for this name. */
function unicodeName({ extraFields, fileNameRaw }: Entry): string | null {
  const field = extraFields.find(({ id }) => id === 0x7075)?.data;
  if (field === undefined || field.length < 5 || field[0] !== 1) return null;
  return field.readUInt32LE(1) === crc32(fileNameRaw) ? field.toString('utf8', 5) : null;
}

/** Returns the type of a member, named as in a tar. The mode counts on every system, so that no link passes. */
export function typeOf(entry: Entry, name: string): string {
  const type = types.get(modeOf(entry) & constants.S_IFMT);
  if (type !== undefined && type !== 'Directory') return type;
  const isFolder = type !== undefined || name.endsWith('/') || isDosFolder(entry);
  return isFolder ? 'Directory' : 'File';
}

function isDosFolder(entry: Entry): boolean {
  return dosHosts.includes(hostOf(entry)) && (entry.externalFileAttributes & dosFolder) !== 0;
}

/** Whether a member can be executed; null if its archive does not say, as on systems without such a permission. */
export function isProgramOf(entry: Entry): boolean | null {
  const mode = modeOf(entry);
  if ((mode & 0o111) !== 0) return true;
  return mode !== 0 && unixHosts.includes(hostOf(entry)) ? false : null;
}
