import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { type Member, tarBytes } from './tarBytes.ts';
import { zipBytes } from './zipBytes.ts';

/** Begins the name of every file that an attack tries to put where it must not. */
export const escapeName = 'haet-escape';

/** Bytes of the two blocks of zeros that end a tar archive. */
const endBytes = 1024;

/**
 * Archives that intake must refuse, made when they are wanted since a repository should hold no bombs. Each holds
 * the files of an entry that would be taken, so that it is the rest that is refused.
 */
const makers = {
  /** Names that lead out. */
  climbs: (entry) => tarBytes(...entry, { path: `../${escapeName}`, data: 'out' }),
  climbsInTheMiddle: (entry) => tarBytes(...entry, { path: `code/../../../${escapeName}`, data: 'out' }),
  absolutePath: (entry) => tarBytes(...entry, { path: `/tmp/${escapeName}`, data: 'out' }),
  paxPath: (entry) => tarBytes(...entry, { path: 'fine', pax: { path: `../${escapeName}` }, data: 'out' }),
  longName: (entry) =>
    tarBytes(
      ...entry,
      { path: '././@LongLink', type: 'NextFileHasLongPath', data: `../../${escapeName}\0` },
      { path: 'fine', data: 'out' },
    ),
  /** A program in C would stop at the NUL and see a name that goes up; one that does not sees a file name. */
  nulInName: (entry) => tarBytes(...entry, { path: 'fine', pax: { path: `../${escapeName}\0/../fine` } }),

  /** Members that are no files. */
  symlinkOut: (entry) =>
    tarBytes(
      ...entry,
      { path: 'way', type: 'SymbolicLink', linkpath: '/tmp' },
      { path: `way/${escapeName}`, data: 'out' },
    ),
  paxSymlink: (entry) =>
    tarBytes(...entry, {
      path: 'way',
      type: 'SymbolicLink',
      linkpath: 'haet.json',
      pax: { linkpath: '/etc/passwd' },
    }),
  hardlinkOut: (entry) => tarBytes(...entry, { path: 'users', type: 'Link', linkpath: '/etc/passwd' }),
  characterDevice: (entry) => tarBytes(...entry, { path: 'memory', type: 'CharacterDevice' }),
  blockDevice: (entry) => tarBytes(...entry, { path: 'disk', type: 'BlockDevice' }),
  namedPipe: (entry) => tarBytes(...entry, { path: 'pipe', type: 'FIFO' }),

  /** Too much. */
  bomb: (entry) => gzipSync(tarBytes(...entry, { path: 'zeros', data: Buffer.alloc(80 * 2 ** 20) })),
  hugeHeader: (entry) => tarBytes(...entry, { path: 'huge', size: 2 ** 40, data: 'little' }),
  millionFiles: (entry) => millionFiles(entry),
  deepNesting: (entry) => tarBytes(...entry, { path: 'fine', pax: { path: `${'d/'.repeat(400)}file` } }),

  /** Two members that are one file here or elsewhere, and an archive that ends too early. */
  caseClash: (entry) => tarBytes(...entry, { path: 'HAET.json', data: '{}' }),
  sameNameTwice: (entry) => tarBytes(...entry, { path: 'haet.json', data: '{}' }),
  fileAsFolder: (entry) => tarBytes(...entry, { path: 'haet.json/below', data: 'x' }),
  torn: (entry) => gzipSync(tarBytes(...entry, { path: 'noise', data: noise(200_000) })).subarray(0, 100_000),

  /** The same in zips, and what only a zip can do: its two headers disagree, or members share their data. */
  zipClimbs: (entry) => zipBytes(...entry, { path: `../${escapeName}`, data: 'out' }),
  zipClimbsOnWindows: (entry) => zipBytes(...entry, { path: `..\\${escapeName}`, host: 0, data: 'out' }),
  zipSymlink: (entry) =>
    zipBytes(
      ...entry,
      { path: 'way', mode: 0o120777, data: '/tmp' },
      { path: `way/${escapeName}`, data: 'out' },
    ),
  zipBomb: (entry) => zipBytes(...entry, { path: 'zeros', data: Buffer.alloc(80 * 2 ** 20) }),
  zipFalseSize: (entry) =>
    zipBytes(...entry, {
      path: 'zeros',
      data: Buffer.alloc(80 * 2 ** 20),
      local: { size: 1 },
      central: { size: 1 },
    }),
  zipSharedData: (entry) => sharedData(entry),
  zipTwoNames: (entry) =>
    zipBytes(...entry, { path: 'fine', local: { path: `../${escapeName}` }, data: 'out' }),
} as const satisfies Record<string, (entry: readonly Member[]) => Buffer>;

export type ArchiveName = keyof typeof makers;
export const archiveNames = Object.keys(makers) as [ArchiveName, ...ArchiveName[]];
export const archiveNameSchema = z.enum(archiveNames);

/**
 * Bytes of the archive.
 * @param entry members of an entry that would be taken by itself
 */
export function hostileArchive(name: ArchiveName, entry: readonly Member[]): Buffer {
  return makers[name](entry);
}

/**
 * A million empty files in some 60 MB. Their names compress badly, so that it is their number that tells; gzip streams
 * may follow each other, so ten thousand files are compressed once and repeated.
 */
function millionFiles(entry: readonly Member[]): Buffer {
  const block = tarBytes(...Array.from({ length: 10_000 }, (_, index) => ({ path: hexOf(index) })));
  const files = gzipSync(block.subarray(0, -endBytes), { level: 1 });
  const start = gzipSync(tarBytes(...entry).subarray(0, -endBytes));
  return Buffer.concat([start, ...Array<Buffer>(100).fill(files), gzipSync(Buffer.alloc(endBytes))]);
}

/** One file of zeros that a hundred members name as theirs. */
function sharedData(entry: readonly Member[]): Buffer {
  const offset = zipBytes(...entry).indexOf('PK\u0001\u0002', 0, 'latin1'); // where the next member lies
  const zeros = { path: 'zeros', data: Buffer.alloc(2 ** 19) };
  const copies = Array.from({ length: 100 }, () => ({ ...zeros, offset, listedOnly: true }));
  return zipBytes(
    ...entry,
    zeros,
    ...copies.map((copy, index) => ({ ...copy, central: { path: `zeros${index}` } })),
  );
}

const hexOf = (index: number): string => createHash('sha256').update(String(index)).digest('hex');

/** Bytes that do not compress, the same at every call. */
function noise(bytes: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(bytes / 32) }, (_, index) =>
    createHash('sha256').update(`noise ${index}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, bytes);
}
