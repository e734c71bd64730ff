import type { Stats } from 'node:fs';
import { constants, type FileHandle, lstat, open, readdir } from 'node:fs/promises';

/** A file or folder found by a walk. */
export interface Found {
  /** Bytes, because names that are not UTF-8 do not survive decoding. */
  readonly name: Buffer;
  readonly facts: Stats;
  /** Paths of its parent and of itself; valid until `visit` returns. */
  readonly folder: Buffer;
  readonly path: Buffer;
  /** Length of its path relative to the walked folder. */
  readonly relativeBytes: number;
  /** Returns its path relative to the walked folder, with `/`. */
  relative(): Buffer;
}

/** `skip`: does not enter this folder. `stop`: ends the walk. */
export type NextStep = 'skip' | 'stop' | undefined;

export interface TreeVisitor {
  /** Called with everything below the folder, each folder before its content. */
  visit(found: Found): NextStep | Promise<NextStep>;
  /**
   * Called if something cannot be read. By default the walk throws the error.
   * @param at returns the relative path of the unreadable item, empty for the walked folder
   * @param isTop whether the walked folder itself cannot be listed or entered
   */
  onUnseen?(error: NodeJS.ErrnoException, at: () => Buffer, isTop: boolean): NextStep;
}

/**
 * A folder with a longer path is entered through a descriptor, so that no path below it exceeds PATH_MAX (4096
 * bytes); a name has at most 255 bytes.
 */
const longestPathBytes = 3072;
/**
 * A descriptor is also used after this many levels, because the kernel resolves every name of a path at every access.
 */
const mostLevelsPerPath = 32;
/** Limits the memory, the time and the descriptors of a walk. */
const mostLevels = 1024;

/**
 * Walks everything below a folder, without following symbolic links, also folders nested deeper than a path can name.
 * @returns whether `visit` or `onUnseen` stopped the walk
 * @throws Error if something cannot be read, unless `onUnseen` is given; nothing below 1024 levels is read, and the
 *   error has the code ENAMETOOLONG
 */
export async function walkTree(folder: string, { visit, onUnseen = rethrow }: TreeVisitor): Promise<boolean> {
  const walk = async (at: Buffer, below: Below | null): Promise<boolean> => {
    const unseen = (error: unknown, name: Below | null, isTop: boolean) =>
      onUnseen(error as NodeJS.ErrnoException, () => relativeOf(name), isTop) === 'stop';
    let handle: FileHandle | null = null;
    try {
      let names: Buffer[];
      let reachable = at;
      try {
        const level = below?.level ?? 0;
        if (level >= mostLevels) throw tooDeep();
        if (at.length > longestPathBytes || (level > 0 && level % mostLevelsPerPath === 0)) {
          handle = await open(at, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
          reachable = Buffer.from(`/proc/self/fd/${handle.fd}`);
        }
        names = await readdir(reachable, { encoding: 'buffer' });
      } catch (error) {
        return unseen(error, below, below === null);
      }
      for (const name of names) {
        const here: Below = {
          parent: below,
          name,
          level: (below?.level ?? 0) + 1,
          bytes: (below === null ? 0 : below.bytes + 1) + name.length,
        };
        const path = Buffer.concat([reachable, separator, name]);
        let facts: Stats;
        try {
          facts = await lstat(path);
        } catch (error) {
          if (unseen(error, here, below === null)) return true;
          continue;
        }
        const next = await visit({
          name,
          facts,
          folder: reachable,
          path,
          relativeBytes: here.bytes,
          relative: () => relativeOf(here),
        });
        if (next === 'stop') return true;
        if (next !== 'skip' && facts.isDirectory() && (await walk(path, here))) return true;
      }
      return false;
    } finally {
      await handle?.close();
    }
  };
  return walk(Buffer.from(folder), null);
}

/** Position of the walk. Names are a linked list, because full paths of a deep tree would fill the memory. */
interface Below {
  readonly parent: Below | null;
  readonly name: Buffer;
  readonly level: number;
  readonly bytes: number;
}

function relativeOf(below: Below | null): Buffer {
  const names: Buffer[] = [];
  for (let at = below; at !== null; at = at.parent) names.push(at.name, separator);
  return Buffer.concat(names.slice(0, -1).reverse());
}

function tooDeep(): NodeJS.ErrnoException {
  return Object.assign(new Error(`folders are nested deeper than ${mostLevels} levels`), {
    code: 'ENAMETOOLONG',
  });
}

function rethrow(error: Error): never {
  throw error;
}

const separator = Buffer.from('/');
