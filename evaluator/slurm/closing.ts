import { type Batch, markOver, removeKey, stateOfBatch } from './batch.ts';
import type { Strays } from './strays.ts';
import type { Times } from './times.ts';

/** The batches that no attempt needs any more. What Slurm still holds of them is cancelled until it has ended. */
export interface Closing {
  /** Closes a batch: removes its key of the test images, and has what Slurm still holds of it ended. */
  add(batch: Batch): Promise<void>;
  /** Looks at all of them once. One that Slurm still holds after `times.closing` is given up with a warning. */
  look(): Promise<void>;
  isEmpty(): boolean;
  /** Gives all of them up. */
  clear(): void;
}

/** @param warn prints a sentence */
export function createClosing(strays: Strays, times: Times, warn: (sentence: string) => void): Closing {
  const closing = new Map<string, { readonly batch: Batch; readonly since: number }>();
  return {
    async add(batch) {
      await removeKey(batch);
      closing.set(batch.name, { batch, since: Date.now() });
    },
    async look() {
      for (const { batch, since } of [...closing.values()]) await lookAt(batch, since);
    },
    isEmpty: () => closing.size === 0,
    clear: () => closing.clear(),
  };

  async function lookAt(batch: Batch, since: number): Promise<void> {
    const state = await stateOfBatch(batch);
    const left =
      state?.kind === 'known'
        ? await strays.end(batch, batch.id!, state.tasks, true)
        : Number(state?.kind === 'unreachable');
    if (left === 0) {
      await markOver(batch);
      closing.delete(batch.name);
    } else if (Date.now() - since > times.closing) {
      closing.delete(batch.name);
      const why =
        state?.kind === 'unreachable' ? `does not answer: ${state.said}` : `still holds ${left} tasks`;
      warn(
        `Slurm ${why}. Tasks of job ${batch.name} that nobody waits for may still run. The next call of the same command cancels them, as \`scancel --name=${batch.name}\` does.`,
      );
    }
  }
}
