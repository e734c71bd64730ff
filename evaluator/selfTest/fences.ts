import { z } from 'zod';
import type { Sandbox } from '../sandbox/sandbox.ts';

/** What a sandbox can hold back. An attack is run only where all fences that it needs are held. */
export const fences = {
  processes: 'sees and reaches only its own processes, and none of them outlives its stage',
  privileges: 'cannot signal or trace an outside process, set the clock, mount, or make devices',
  namespaces: 'cannot make or enter a namespace, or mount anything',
  ipc: 'leaves no shared memory, semaphore or message queue behind',
  files: 'sees only the places of the contract, and writes only where the contract allows it',
  network: 'reaches nothing by network or socket',
  cache: 'leaves no message for a later run in the page cache of files that both can read',
  memory: 'has no more memory than its limit, scratch folders on tmpfs included',
  disk: 'leaves no more bytes and files on a disk than its limit',
  tasks: 'has no more processes and threads than its limit',
} as const;

export type Fence = keyof typeof fences;
export const fenceNames = Object.keys(fences) as [Fence, ...Fence[]];
export const fenceSchema = z.enum(fenceNames);

/** Returns the fences that a sandbox claims to have; the self-test proves the claim. */
export function heldBy({
  kind,
  holds,
  pageCache,
}: Pick<Sandbox, 'kind' | 'holds' | 'pageCache'>): readonly Fence[] {
  const cache: readonly Fence[] = pageCache?.complete ? ['cache'] : [];
  switch (kind) {
    case 'process':
      return [];
    // It sees the image and the evaluator's processes; the rest depends on the container around it.
    case 'user':
      return ['privileges', 'ipc', 'disk', ...cache];
    default:
      return fenceNames
        .filter(
          (fence) =>
            fence !== 'cache' &&
            (holds.memory || fence !== 'memory') &&
            (holds.processes || fence !== 'tasks'),
        )
        .concat(cache);
  }
}
