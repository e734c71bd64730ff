import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { chmod, copyFile, lchown, lstat, mkdir, readdir, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { textName } from '../../datasets/textName.ts';
import { predictionsFile } from '../contract.ts';
import { removeTree } from '../sandbox/removeTree.ts';
import { walkTree } from '../sandbox/walkTree.ts';

/** Longer paths are removed, so that files stay accessible when the folder is copied elsewhere. */
const mostPathBytes = 1024;

/** Result of reducing a stage's output folder. */
export interface KeptFiles {
  readonly files: number;
  /** Sum of file lengths; holes and hard links count in full. */
  readonly bytes: number;
  /**
   * Number of removed items: links, pipes, sockets, devices, names that are not UTF-8, sparse files with a hard link
   * elsewhere, paths that are too long.
   */
  readonly removed: number;
}

/**
 * Reduces a stage's output folder to folders and regular files owned by us, without special modes. Call it when no
 * process of the stage is alive and before reading the folder. Afterwards the folder has no link, no pipe and no
 * unprintable name.
 * @throws Error if the disk or the system fails
 */
export async function keepRegularFiles(folder: string): Promise<KeptFiles> {
  await requireFolder(folder);
  const names = new Map<string, number>();
  const found: { path: string; facts: Stats }[] = [];
  let removed = 0;

  await walkTree(folder, {
    async visit({ name, facts, relativeBytes, relative }) {
      const canBeNamed = textName(name) !== null && relativeBytes <= mostPathBytes;
      const path = `${folder}/${relative()}`;
      if (canBeNamed && facts.isDirectory()) {
        await makeOurs(path, 0o755);
      } else if (canBeNamed && facts.isFile()) {
        found.push({ path, facts });
        names.set(inode(facts), (names.get(inode(facts)) ?? 0) + 1);
      } else {
        await removeTree(dirname(path), name);
        removed += 1;
        return 'skip';
      }
      return undefined;
    },
  });

  let [files, bytes] = [0, 0];
  for (const { path, facts } of found) {
    const hasNameElsewhere = facts.nlink > names.get(inode(facts))!;
    // A hard link elsewhere shares its mode and owner, so it is copied; holes would be filled.
    if (hasNameElsewhere && facts.size > facts.blocks * 512) {
      await unlink(path);
      removed += 1;
      continue;
    }
    if (hasNameElsewhere) await replaceByCopy(path);
    await makeOurs(path, (facts.mode & 0o111) === 0 ? 0o644 : 0o755);
    files += 1;
    bytes += facts.size;
  }
  return { files, bytes, removed };
}

/** What was found at predictions.npy. */
export type PredictionsKind = 'file' | 'nothing' | 'symbolic link' | 'folder' | 'pipe' | 'socket' | 'device';

/**
 * Keeps predictions.npy of a predict stage's output, if it is a regular file, and removes everything else. A predict
 * stage has seen the withheld images, so anything else it left may be a copy of them.
 * @throws Error if the disk or the system fails
 */
export async function keepPredictions(folder: string): Promise<PredictionsKind> {
  await requireFolder(folder);
  const kind = kindOf(await lstat(`${folder}/${predictionsFile}`).catch(() => null));
  for (const name of await readdir(folder, { encoding: 'buffer' })) {
    if (kind !== 'file' || name.toString('latin1') !== predictionsFile) await removeTree(folder, name);
  }
  await keepRegularFiles(folder);
  return kind;
}

function kindOf(facts: Stats | null): PredictionsKind {
  if (facts === null) return 'nothing';
  if (facts.isFile()) return 'file';
  if (facts.isSymbolicLink()) return 'symbolic link';
  if (facts.isDirectory()) return 'folder';
  if (facts.isFIFO()) return 'pipe';
  return facts.isSocket() ? 'socket' : 'device';
}

/** Makes sure that the folder exists and is ours. Without file isolation, an entry can replace it. */
async function requireFolder(folder: string): Promise<void> {
  const facts = await lstat(folder).catch(() => null);
  if (facts !== null && !facts.isDirectory()) await unlink(folder);
  await mkdir(folder, { recursive: true });
  await makeOurs(folder, 0o755);
}

async function makeOurs(path: string, mode: number): Promise<void> {
  const [user, group] = [process.getuid!(), process.getgid!()];
  if (user === 0) await lchown(path, user, group);
  await chmod(path, mode);
}

async function replaceByCopy(path: string): Promise<void> {
  const copy = `${dirname(path)}/.haet-copy-${randomUUID()}`;
  await copyFile(path, copy, constants.COPYFILE_EXCL);
  await rename(copy, path);
}

const inode = ({ dev, ino }: Stats): string => `${dev}:${ino}`;
