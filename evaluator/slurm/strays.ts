// A stray is a task whose attempt nobody waits for any more. It ends by itself, or was cancelled when its attempt was
// given up. Slurm may have missed both: its controller was down, or died before it saved what it had been told, or the
// task's slurmd died and the task is called running. So strays are cancelled until Slurm says that they have ended.
import type { Batch } from './batch.ts';
import { cancel } from './commands.ts';
import type { TaskState } from './taskState.ts';
import type { Times } from './times.ts';

export interface Strays {
  /** Notes that the task of an attempt is not waited for any more. */
  giveUp(batch: Batch, index: number): void;
  /**
   * Cancels strays of a batch.
   * @param tasks what Slurm says of all its tasks
   * @param isClosing whether none of its tasks is waited for
   * @returns number of tasks that Slurm has not ended although nobody waits for them
   */
  end(batch: Batch, id: string, tasks: readonly TaskState[], isClosing: boolean): Promise<number>;
}

export function createStrays(times: Pick<Times, 'endByItself' | 'cancelAgain'>): Strays {
  const givenUp = new Map<string, Set<number>>();
  /** When a task is cancelled next, if it has not ended by then; by batch and index. */
  const dueAt = new Map<string, number>();
  return {
    giveUp({ name }, index) {
      givenUp.set(name, (givenUp.get(name) ?? new Set()).add(index));
    },
    async end({ name }, id, tasks, isClosing) {
      const strays = tasks.filter(
        ({ index, phase, isLeaving }) =>
          phase !== 'ended' && !isLeaving && (isClosing || givenUp.get(name)?.has(index)),
      );
      const now = Date.now();
      const due: number[] = [];
      for (const { index } of strays) {
        const key = `${name} ${index}`;
        const at = dueAt.get(key) ?? now + times.endByItself;
        if (at <= now) due.push(index);
        dueAt.set(key, at <= now ? now + times.cancelAgain : at);
      }
      if (due.length > 0) await cancel(name, isClosing ? [] : due.map((index) => `${id}_${index}`));
      return strays.length;
    },
  };
}
