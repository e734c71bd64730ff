// Theory of operation
//
// The kernel keeps pages of files that were read in memory, and every later stage can find out which: by the time a read
// takes, by the bytes that /proc/self/io counts as read from disk, by its count of major faults. A predict stage can
// thus leave a message for the train stage of the next run by reading some pages of a shared library and not others.
// Reading cannot be forbidden, so the message is erased: before each stage starts, none of the files it will see is kept
// in memory. This happens before a stage and not after it, so that a run whose evaluator was killed leaves no message.
//
// Root has the kernel drop the whole cache, including names and inodes (proc(5), drop_caches). Other users, and root in a
// container without that right, do it for each file that stages can read (posix_fadvise(2)), by a Python script, since
// Node has no such call. Pages that a running program has mapped stay, e.g. those of our own Node: nobody can drop them,
// and no entry chose them.
import { writeFile } from 'node:fs/promises';
import { execa } from 'execa';

const dropCaches = '/proc/sys/vm/drop_caches';
/** Pages, and the names and inodes of files. */
const everything = '3';

/** Drops the pages of all files below the paths given, without entering other file systems such as /proc. */
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

/** Drops from the page cache the files that stages of a sandbox see. */
export interface PageCache {
  /** What is done, or that nothing is, for the record. */
  readonly contains: string;
  /** Whether all files that stages see are dropped. */
  readonly complete: boolean;
  /**
   * Drops the files. To be called before each stage.
   * @param paths files and folders that this stage sees in addition to those that every stage sees
   * @throws Error if what worked when the sandbox was made no longer works
   */
  clear(paths: readonly string[]): Promise<void>;
}

/**
 * Finds out how the page cache can be dropped on this machine.
 * @param paths files and folders that every stage sees
 * @param beyond what stages see that we cannot open here, e.g. `the image`; null if there is no such thing
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
 * Drops the pages of files, and of all files below folders, that this user may read.
 * @throws Error if python3 is missing
 */
export async function dropFiles(paths: readonly string[]): Promise<void> {
  await execa('python3', ['-I', '-S', '-c', script, ...paths]);
}

/**
 * Drops the pages of all files. The kernel does it while the caller waits, so this must not run on the main thread.
 * @throws Error if this user may not
 */
export async function dropAll(): Promise<void> {
  await writeFile(dropCaches, everything);
}
