import { existsSync } from 'node:fs';
import { rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Batch } from './batch.ts';
import { excludeNodes, usableNodes } from './commands.ts';
import type { Task } from './task.ts';

/**
 * Sends a new attempt to another node than those that lost earlier attempts of its job. That is a wish: where there is no
 * other node, or none becomes free in time, it may go to any.
 */
export interface Elsewhere {
  /** Notes that a node lost an attempt. Another coordinator does not learn it. */
  lost(task: Task, node: string): void;
  /** Forgets the nodes of a job, because Slurm has no other for it. */
  forget(task: Task): void;
  /**
   * Divides what is to be submitted by the nodes that it keeps off.
   * @param excluded nodes that are left out anyway
   */
  groups<T extends { readonly task: Task }>(
    waiting: readonly T[],
    excluded: ReadonlySet<string>,
  ): Promise<{ readonly avoided: readonly string[]; readonly members: readonly T[] }[]>;
}

export function createElsewhere(): Elsewhere {
  const nodesOf = new Map<string, Set<string>>();
  const jobOf = ({ attemptFolder }: Task) => dirname(attemptFolder);
  return {
    lost(task, node) {
      nodesOf.set(jobOf(task), new Set([...(nodesOf.get(jobOf(task)) ?? []), node]));
    },
    forget(task) {
      nodesOf.delete(jobOf(task));
    },
    async groups(waiting, excluded) {
      const wished = new Map<string, (typeof waiting)[number][]>();
      for (const each of waiting) {
        const key = [...(nodesOf.get(jobOf(each.task)) ?? [])].sort().join();
        const members = wished.get(key) ?? [];
        members.push(each);
        wished.set(key, members);
      }
      const usable = [...wished.keys()].some((key) => key !== '') ? await usableNodes() : [];
      const isOther = (avoided: readonly string[]) => (node: string) =>
        !excluded.has(node) && !avoided.includes(node);
      return [...wished].map(([key, members]) => {
        const avoided = key === '' ? [] : key.split(',');
        return { avoided: usable.some(isOther(avoided)) ? avoided : [], members };
      });
    },
  };
}

const avoidedFile = 'avoided-nodes';

/** Notes in the folder of a batch, before it is submitted, which nodes it keeps off: a later call lifts that as well. */
export async function noteAvoided({ folder }: Batch, avoided: readonly string[]): Promise<void> {
  if (avoided.length > 0) await writeFile(join(folder, avoidedFile), avoided.join('\n'));
}

export const isAvoiding = ({ folder }: Batch): boolean => existsSync(join(folder, avoidedFile));

/**
 * Lets the waiting tasks of a batch start on any node that is not left out, once they have kept off some for long enough.
 * @param mostMs since the batch was submitted
 */
export async function liftAvoided(
  batch: Batch,
  id: string,
  mostMs: number,
  excluded: Iterable<string>,
): Promise<void> {
  const file = join(batch.folder, avoidedFile);
  if (!isAvoiding(batch) || Date.now() - (await stat(file)).mtimeMs <= mostMs) return;
  // A controller that does not answer is asked again at the next look.
  if (await excludeNodes(id, [...excluded])) await rm(file, { force: true });
}
