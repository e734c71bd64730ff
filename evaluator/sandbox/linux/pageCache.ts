// Theory of operation
//
// The kernel keeps the pages of files that were read in memory, and every later stage can tell which: by the time a
// read takes, by the bytes that /proc/self/io says were fetched from disk, by its count of major faults. A predict
// stage that reads some pages of a shared library and not others so leaves a message for the train stage of the next
// run. The reading cannot be forbidden, so the message is erased: before each stage starts, nothing of what it will
// see is left in memory. Before, and not after, so that a run whose evaluator was killed leaves no message either.
//
// Root asks the kernel to drop the whole cache, with the names and inodes it remembers (proc(5), drop_caches). Anybody
// else, and root in a container that may not, asks for each file that stages can read (posix_fadvise(2)); a script for
// Python does so, since Node has no such call. Pages stay that a running program has mapped, e.g. those of our own
// Node that we use: nobody can drop them, and no entry chose them.
import { writeFile } from 'node:fs/promises';
import { execa } from 'execa';

const dropCaches = '/proc/sys/vm/drop_caches';
/** Pages, and the names and inodes of files. */
const everything = '3';

/** Of all files below the paths given. Stays on their file systems: /proc and its like hold no pages. */
const script = `
import os, sys
def drop(path):
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    try:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    except OSError:
        pass
    os.close(file)
def walk(folder, device):
    try:
        found = list(os.scandir(folder))
    except OSError:
        return
    for each in found:
        try:
            if each.is_file(follow_symlinks=False):
                drop(each.path)
            elif each.is_dir(follow_symlinks=False) and os.lstat(each.path).st_dev == device:
                walk(each.path, device)
        except OSError:
            pass
sys.setrecursionlimit(10000)
for path in sys.argv[1:]:
    if os.path.isdir(path):
        walk(path, os.stat(path).st_dev)
    else:
        drop(os.path.realpath(path))
`;

/** How the page cache is emptied of what the stages of a sandbox see. */
export interface PageCache {
  /** For the record: what is done, or that nothing is. */
  readonly contains: string;
  /** Whether it is emptied of all that stages see. */
  readonly complete: boolean;
  /**
   * Empties it; to be called before each stage.
   * @param paths files and folders that this stage sees beside those that every stage does
   * @throws Error where what worked when the sandbox was made works no more
   */
  clear(paths: readonly string[]): Promise<void>;
}

/**
 * Finds out how the page cache can be emptied here.
 * @param paths files and folders that every stage sees
 * @param beyond what stages see that is no file of this machine to us, e.g. `the image`; null: nothing
 */
export async function createPageCache(
  paths: readonly string[],
  beyond: string | null = null,
): Promise<PageCache> {
  const refusal = await dropAll().then(
    () => null,
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  );
  if (refusal === null) {
    return {
      contains: 'The page cache is dropped before each stage.',
      complete: true,
      clear: dropAll,
    };
  }
  const hasPython = await dropFiles(['/dev/null']).then(
    () => true,
    () => false,
  );
  if (!hasPython) {
    return {
      contains: `The page cache is NOT dropped before each stage (${dropCaches}: ${refusal}; python3 is not there): a predict stage can leave a message for a later run in it.`,
      complete: false,
      clear: async () => {},
    };
  }
  const left =
    beyond === null
      ? ''
      : `, but NOT of ${beyond}: a predict stage can leave a message for a later run there`;
  return {
    contains: `Before each stage, the pages of the files that it can read are dropped from the page cache${left}.`,
    complete: beyond === null,
    clear: (more) => dropFiles([...paths, ...more]),
  };
}

/**
 * Drops the pages of files, and of all below folders, that this user may read.
 * @throws Error where there is no python3
 */
export async function dropFiles(paths: readonly string[]): Promise<void> {
  await execa('python3', ['-I', '-S', '-c', script, ...paths]);
}

/**
 * Drops the pages of all files. The kernel does it while the caller waits, so not on the thread of the event loop.
 * @throws Error where this user may not
 */
export async function dropAll(): Promise<void> {
  await writeFile(dropCaches, everything);
}
