import { z } from 'zod';
import type { Sandbox } from '../sandbox/sandbox.ts';

/** What a sandbox can hold back. An attack is run only where all fences that it needs are held. */
export const fences = {
  processes: 'sees and reaches no process but its own, and none of them outlives its stage',
  privileges: 'may not signal or trace a process outside, set the clock, mount, or make devices',
  namespaces: 'makes and enters no namespace, and mounts nothing',
  ipc: 'leaves no shared memory, semaphore or message queue behind',
  files: 'sees the places of the contract only, and writes only where it says so',
  network: 'reaches nothing by network or socket',
  cache: 'leaves no message for a later run in what the kernel keeps in memory of the files that both see',
  memory: 'has no more memory than it was given, scratch folders on tmpfs included',
  disk: 'leaves no more bytes and files on a disk than it was given',
  tasks: 'has no more processes and threads than it was given',
} as const;

export type Fence = keyof typeof fences;
export const fenceNames = Object.keys(fences) as [Fence, ...Fence[]];
export const fenceSchema = z.enum(fenceNames);

/** What a sandbox claims to hold; the self-test is the proof of it. */
export function heldBy({
  kind,
  holds,
  pageCache,
}: Pick<Sandbox, 'kind' | 'holds' | 'pageCache'>): readonly Fence[] {
  const cache: readonly Fence[] = pageCache?.complete ? ['cache'] : [];
  switch (kind) {
    case 'process':
      return [];
    // It sees the image and the evaluator's processes; what else is held is up to the container around it.
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
