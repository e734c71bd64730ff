import { spawnSync } from 'node:child_process';
import { availableParallelism, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { controlGroupObstacle, createControlGroup } from '../../evaluator/sandbox/linux/controlGroup.ts';
import { ownName } from '../../evaluator/sandbox/ownNames.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Not the one that the project itself is in. */
const scratch = ['/tmp', '/var/tmp', '/dev/shm'].filter((place) => !root.startsWith(`${place}/`));
const unshare = ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc', '--ipc', '--'];
/** The shell stays the first process, which reaps orphans. */
const mount = `for place in ${scratch.join(' ')}; do mount -t tmpfs -o mode=1777 tmpfs "$place" || exit 125; done; "$@"; exit $?`;
const inside = [...unshare, 'sh', '-c', mount, 'start'];

/** A place with processes, kernel objects, temporary folders and a control group of its own, as a container has. */
export interface OwnNamespaces {
  /** To be put before a command that is to run there. */
  readonly words: readonly [string, ...string[]];
  /** Removes the control group, in which no process may be left. */
  close(): Promise<void>;
}

/**
 * Opens one; null if this machine does not permit it. The sandbox `user` takes every process of its user for the stage's,
 * removes the files of its user from the temporary folders, and measures the memory of its control group: only in such a
 * place can anything run beside it.
 */
export function openOwnNamespaces(): OwnNamespaces | null {
  if (controlGroupObstacle() !== null) return null;
  if (spawnSync(inside[0]!, [...inside.slice(1), 'true']).status !== 0) return null;
  const group = createControlGroup(ownName('test'), {
    cpus: availableParallelism(),
    memoryBytes: Math.floor(totalmem() / 2),
    processes: 4096,
    workBytes: 0,
    outBytes: 0,
    outFiles: 0,
  });
  const enter = `for entrance in ${group.entrances.join(' ')}; do echo $$ > "$entrance" || exit 125; done; exec "$@"`;
  return { words: ['sh', '-c', enter, 'enter', ...inside], close: group.remove };
}
