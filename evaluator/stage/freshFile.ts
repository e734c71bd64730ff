import { createWriteStream, rmSync, type WriteStream } from 'node:fs';

/**
 * Opens a stream to a new file. An entry may be able to reach the run's folder and guess file names: existing things
 * (links, pipes) are removed, and something that appears at the last moment is an error. Another user cannot read the
 * file, because the second predict run must not see the output of the first.
 */
export function freshFile(path: string): WriteStream {
  rmSync(path, { force: true, recursive: true });
  return createWriteStream(path, { flags: 'wx', mode: 0o600 });
}
