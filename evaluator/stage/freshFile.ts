import { createWriteStream, rmSync, type WriteStream } from 'node:fs';

/**
 * A stream into a file that is new. An entry can reach the run's folder and guess our names: what lies there (a link to
 * something else, a pipe that nobody reads) is removed, and what appears at the last instant is an error, not followed.
 * Where it runs as another user it cannot read the file: the second predict run must not learn what the first one said.
 */
export function freshFile(path: string): WriteStream {
  rmSync(path, { force: true, recursive: true });
  return createWriteStream(path, { flags: 'wx', mode: 0o600 });
}
