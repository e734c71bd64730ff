import { UserError } from '../../datasets/userError.ts';
import { type Gpu, type GpuShare, shareOf, usableGpus } from '../machine/gpus.ts';

/** What several runs at once get of the GPUs of this machine. */
export interface GpuShares {
  /** One per run; undefined: not divided, a run sees what its sandbox shows. */
  readonly shares: readonly (GpuShare | undefined)[];
  /** A sentence for the organizer; null if there is nothing to say. */
  readonly told: string | null;
}

/**
 * Divides the GPUs of this machine among runs at once. No GPU belongs to two of them.
 * @param asked GPUs of each run, if the organizer chose a number. Default: none in a sandbox that shows only the
 *   mounts of a stage. Elsewhere, one run sees all, and several get one each; if there are fewer GPUs, none has one,
 *   because results with and without cannot be compared
 * @throws UserError if fewer are there than asked for
 */
export function shareGpus(
  jobs: number,
  asked: number | undefined,
  fenced: boolean,
  gpus: readonly Gpu[] = usableGpus(),
): GpuShares {
  if (asked === undefined && (fenced || jobs === 1 || gpus.length === 0)) {
    return { shares: Array(jobs).fill(undefined), told: null };
  }
  const each = asked ?? (gpus.length >= jobs ? 1 : 0);
  if (jobs * each > gpus.length) {
    throw new UserError({
      option: `--gpus ${each}`,
      reason: `needs ${jobs * each} GPUs, ${each} per run, but this process may use ${gpus.length}`,
      remedy: 'Give fewer --gpus or fewer --jobs.',
    });
  }
  const shares = Array.from({ length: jobs }, (_, job) => shareOf(gpus.slice(job * each, (job + 1) * each)));
  const told =
    asked === undefined && each === 0
      ? `No run sees a GPU: ${jobs} runs at once, but this process may use ${gpus.length}.`
      : null;
  return { shares, told };
}
