// Where the evaluator is root, entries run as a user who owns nothing (entryUser.ts). What was made under a strict umask
// is closed to that user, so its stages see a copy, and the original stays as closed as its owner made it.
import { lstat, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { trackFiles } from '../../datasets/track.ts';
import type { Entry } from '../intake/loadEntry.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { walkTree } from '../sandbox/walkTree.ts';

const isRoot = process.getuid?.() === 0;
const runsAsOther = ({ kind }: Pick<Sandbox, 'kind'>): boolean => isRoot && kind !== 'process';

/**
 * Returns an entry whose folder the user of the stages can read.
 * @param to folder of the copy, if one is needed; must not exist
 */
export async function shownEntry(sandbox: Sandbox, entry: Entry, to: string): Promise<Entry> {
  if (!runsAsOther(sandbox) || (await isOpenToAll(entry.folder))) return entry;
  await copyOpen(entry.folder, to);
  return { ...entry, folder: to };
}

/**
 * Returns the folder of a Track whose training half the user of the stages can read.
 * @param to folder of the copy, without the withheld half, if one is needed; must not exist
 */
export async function shownTrack(sandbox: Sandbox, trackDir: string, to: string): Promise<string> {
  const half = dirname(trackFiles.trainImages);
  if (!runsAsOther(sandbox) || (await isOpenToAll(join(trackDir, half)))) return trackDir;
  await mkdir(to, { mode: 0o755 });
  await copyOpen(join(trackDir, half), join(to, half));
  return to;
}

/** Whether every user can read a folder and all below it, and start the programs in it that its owner can start. */
async function isOpenToAll(folder: string): Promise<boolean> {
  if (((await lstat(folder)).mode & 0o005) !== 0o005) return false;
  const stopped = await walkTree(folder, {
    visit: ({ facts: { mode }, facts }) => {
      if (facts.isSymbolicLink()) return undefined;
      const needed = facts.isDirectory() || (mode & 0o100) !== 0 ? 0o005 : 0o004;
      return (mode & needed) === needed ? undefined : 'stop';
    },
  });
  return !stopped;
}

/** Copies a folder, links as links, so that every user can read it. */
async function copyOpen(from: string, to: string): Promise<void> {
  const env = { LC_ALL: 'C' };
  await execa('cp', ['--recursive', '--no-dereference', '--preserve=mode,timestamps', '--', from, to], {
    env,
  });
  await execa('chmod', ['-R', 'u+rwX,go+rX', '--', to], { env });
}
