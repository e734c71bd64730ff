import { UserError } from '../../datasets/userError.ts';

const least = 2 ** 30;
const share = 0.1;
const mostShare = 0.25;

/**
 * Returns the memory reserved for the evaluator, in bytes, so that it survives any entry and writes the record: 1 GiB
 * or a tenth of the memory, whichever is more, but never more than a quarter.
 * @param bytes memory of the machine or the container
 */
export function reservedMemoryBytes(bytes: number): number {
  return Math.ceil(Math.min(Math.max(least, bytes * share), bytes * mostShare));
}

/**
 * Returns the memory for an entry, in bytes.
 * @param machine memoryBytes: memory of the machine or the container
 * @param asked requested bytes; default: all minus the evaluator's share
 * @throws UserError if more is requested than available
 */
export function entryMemoryBytes({ memoryBytes }: { readonly memoryBytes: number }, asked?: number): number {
  const reserved = reservedMemoryBytes(memoryBytes);
  const most = Math.floor(memoryBytes) - reserved;
  if (asked === undefined) return most;
  if (asked <= most) return asked;
  throw new UserError(
    `--memory ${asked}: at most ${most} bytes are available (${reserved} of ${Math.floor(memoryBytes)} are reserved for the evaluator).`,
  );
}
