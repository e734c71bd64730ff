import { UserError } from '../../datasets/userError.ts';

const least = 2 ** 30;
const share = 0.1;
const mostShare = 0.25;

/**
 * Memory that is kept for the evaluator, in bytes: 1 GiB or a tenth of what there is, whichever is more, but never more
 * than a quarter. Whatever an entry takes, the evaluator outlives it and writes its record.
 * @param bytes what the machine or the container has
 */
export function reservedMemoryBytes(bytes: number): number {
  return Math.ceil(Math.min(Math.max(least, bytes * share), bytes * mostShare));
}

/**
 * Memory that an entry gets, in bytes.
 * @param machine memoryBytes: what the machine or the container has
 * @param asked what a person asked for; all but the evaluator's share where nothing was
 * @throws UserError where more was asked for than there is to give
 */
export function entryMemoryBytes({ memoryBytes }: { readonly memoryBytes: number }, asked?: number): number {
  const reserved = reservedMemoryBytes(memoryBytes);
  const most = Math.floor(memoryBytes) - reserved;
  if (asked === undefined) return most;
  if (asked <= most) return asked;
  throw new UserError(
    `--memory ${asked}: there are ${most} bytes to give, as ${reserved} of ${Math.floor(memoryBytes)} are kept for the evaluator. Give at most ${most}, or leave the option out.`,
  );
}
