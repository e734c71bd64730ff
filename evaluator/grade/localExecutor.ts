import type { GpuShare } from '../machine/gpus.ts';
import { runEntry } from '../run/runEntry.ts';
import type { RunTrack } from '../run/runTrack.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Executor } from './executor.ts';

/** What one of several attempts on this machine has for itself. */
export interface Slot {
  /** CPUs that its stages run on; null: chosen by the sandbox. */
  readonly cpuSet: readonly number[] | null;
  /** Its GPUs; default: those that the sandbox shows. */
  readonly gpus?: GpuShare | undefined;
  /**
   * Opened for this slot only, because a run opens and removes the test images; null: that of the attempt's plan, of
   * which every run opens the test images itself.
   */
  readonly track: RunTrack | null;
}

/**
 * Creates the executor of this machine.
 * @param slots one per attempt in progress
 */
export function createLocalExecutor(sandbox: Sandbox, slots: readonly Slot[]): Executor {
  const free = [...slots];
  return {
    sandbox,
    jobs: slots.length,
    takesUp: false,
    async run({ plan }, abort) {
      const slot = free.pop();
      if (slot === undefined) throw new Error(`more than ${slots.length} attempts at once`);
      const { cpuSet, gpus, track } = slot;
      try {
        const own = { ...(track && { track }), ...(cpuSet && { cpuSet }), ...(gpus && { gpus }) };
        return await runEntry({ ...plan, ...own }, sandbox, { abort });
      } finally {
        free.push(slot);
      }
    },
  };
}
