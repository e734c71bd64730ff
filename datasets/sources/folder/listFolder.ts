import type { Stats } from 'node:fs';
import { readdir, readlink, realpath, stat } from 'node:fs/promises';
import { textName } from '../../textName.ts';
import type { Fault } from './fault.ts';
import { isHiddenClass, isPassedOver } from './passedOver.ts';

/** A file or folder of a source. Names are kept as bytes, because a name that is not UTF-8 exists only as bytes. */
export interface Place {
  readonly path: Buffer;
  /** Path from the working directory, as text. */
  readonly shown: string;
  /** Path within the source, as text; empty for the source itself. */
  readonly within: string;
  /** The last part of the path, as text. */
  readonly name: string;
  /** Whether the path is UTF-8, so that its text can be used in its place. */
  readonly isText: boolean;
}

export interface Listing {
  readonly folders: readonly Place[];
  readonly files: readonly Place[];
  /** Pipes, sockets and devices. */
  readonly specials: readonly Fault[];
  /** Entries that cannot be reached, and links that lead nowhere. */
  readonly faults: readonly Fault[];
  /** Folders that are ignored because of a dot, although no tool makes them. */
  readonly hidden: readonly Place[];
}

/** Returns the place of a source, from the path that the user gave. */
export function sourcePlace(from: string): Place {
  return { path: Buffer.from(from), shown: from, within: '', name: from, isText: true };
}

/**
 * Lists a folder, sorted by name. Links are followed, inside the source and out of it. Dot files and what systems leave
 * behind are ignored. Nothing is opened: reading a pipe could wait for ever.
 *
 * @throws the system's error if the folder cannot be read
 */
export async function listFolder(folder: Place): Promise<Listing> {
  const all = (await readdir(folder.path, { withFileTypes: true, encoding: 'buffer' })).map((entry) => ({
    entry,
    place: placeIn(folder, entry.name),
  }));
  const hidden = all.filter(({ entry, place }) => entry.isDirectory() && isHiddenClass(place.name));
  const entries = all
    .filter(({ place }) => !isPassedOver(place.name))
    .sort(({ place: a }, { place: b }) =>
      a.name === b.name ? Buffer.compare(a.path, b.path) : a.name < b.name ? -1 : 1,
    );
  const folders: Place[] = [];
  const files: Place[] = [];
  const specials: Fault[] = [];
  const faults: Fault[] = [];
  for (const { entry, place } of entries) {
    // Links, and entries of a file system that does not tell, need a closer look.
    const what = entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : await kindOf(place, folder);
    if (what === 'folder') folders.push(place);
    else if (what === 'file') files.push(place);
    else (what.isSpecial ? specials : faults).push(what.fault);
  }
  return { folders, files, specials, faults, hidden: hidden.map(({ place }) => place) };
}

export const readRemedy = 'Give yourself the right to read, for example with `chmod -R u+rX`.';

/** Returns the fault of a folder that cannot be listed. */
export function unreadableFolder(folder: Place, error: unknown): Fault {
  return {
    shown: folder.shown,
    within: folder.within,
    reason: `cannot be read (${(error as NodeJS.ErrnoException).code})`,
    remedy: readRemedy,
    canBeSkipped: false,
  };
}

function placeIn(folder: Place, bytes: Buffer): Place {
  const name = bytes.toString('utf8');
  return {
    path: Buffer.concat([folder.path, Buffer.from('/'), bytes]),
    shown: `${folder.shown.replace(/\/+$/, '')}/${name}`,
    within: folder.within === '' ? name : `${folder.within}/${name}`,
    name,
    isText: folder.isText && textName(bytes) !== null,
  };
}

type Kind = 'folder' | 'file' | { readonly fault: Fault; readonly isSpecial?: boolean };

async function kindOf(place: Place, folder: Place): Promise<Kind> {
  const fault = (reason: string, remedy: string): Fault => ({
    shown: place.shown,
    within: place.within,
    reason,
    remedy,
    canBeSkipped: true,
  });
  let stats: Stats;
  try {
    stats = await stat(place.path);
  } catch (error) {
    return { fault: fault(...(await unreachable(place, (error as NodeJS.ErrnoException).code))) };
  }
  if (stats.isFile()) return 'file';
  if (!stats.isDirectory()) {
    const kind = stats.isFIFO() ? 'a named pipe' : stats.isSocket() ? 'a socket' : 'a device';
    return { fault: fault(`is ${kind}, not a file`, 'Remove what is not a file.'), isSpecial: true };
  }
  return (await containsItself(place, folder))
    ? { fault: fault('is a link to a folder that contains it', 'Remove links that lead in a circle.') }
    : 'folder';
}

async function unreachable(
  place: Place,
  code: string | undefined,
): Promise<[reason: string, remedy: string]> {
  const target = await readlink(place.path).catch(() => null);
  if (code === 'ELOOP') return ['is a link that leads back to itself', 'Remove links that lead in a circle.'];
  if (code === 'ENOENT' && target !== null) {
    return [`is a link to ${target}, which does not exist`, 'Correct or remove links.'];
  }
  return [`cannot be read (${code})`, readRemedy];
}

async function containsItself(place: Place, folder: Place): Promise<boolean> {
  const [target, here] = await Promise.all(
    [place, folder].map(async ({ path }) => `${await realpath(path, { encoding: 'latin1' })}/`),
  );
  return here!.startsWith(target!);
}
