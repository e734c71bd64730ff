import type { GpuShare } from '../machine/gpus.ts';
import { runEntry } from '../run/runEntry.ts';
import type { RunPlan } from '../run/runPlan.ts';
import type { RunTrack } from '../run/runTrack.ts';
import { openWithheld } from '../run/withheld.ts';
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
 * Creates the executor of this machine. As a node of a cluster does, it returns runs without a score: whoever asked for
 * a run opens the labels and scores it.
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
        const own = { ...(cpuSet && { cpuSet }), ...(gpus && { gpus }) };
        const shown = withoutLabels(track ?? plan.track);
        return await runEntry({ ...plan, ...own, track: shown }, sandbox, { abort });
      } finally {
        free.push(slot);
      }
    },
  };
}

function withoutLabels({ dir, info, withheld }: RunPlan['track']): RunPlan['track'] {
  // Those of a sealed Track are sealed.
  if ('sealed' in info) return { dir, info, ...(withheld && { withheld }) };
  return { dir, info, withheld: { ...(withheld ?? openWithheld(dir, info)), labels: null } };
}
