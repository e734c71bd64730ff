import { readCommitment, readReveal, revealFault, sealedFault } from '../datasets/sealing/commitment.ts';
import { type ContestTerms, compareTerms, type UsedTerms } from '../datasets/sealing/terms.ts';
import { UserError } from '../datasets/userError.ts';
import type { RunTrack } from '../evaluator/run/runTrack.ts';

/** The files of a commitment, as the person named them. */
export interface CommitmentOptions {
  readonly commitment?: string;
  readonly reveal?: string;
}

/** What was committed to before the contest. */
export interface Committed {
  /** Path of the commitment. */
  readonly path: string;
  /** In their order. */
  readonly seeds: readonly number[];
  readonly terms: ContestTerms;
}

/**
 * Refuses one file without the other, before anything is made.
 * @throws UserError
 */
export function requireBoth({ commitment, reveal }: CommitmentOptions): void {
  if ((commitment === undefined) === (reveal === undefined)) return;
  throw new UserError({
    reason:
      '--commitment and --reveal go together: the seeds are read from one and checked against the other',
    remedy: 'Give both files that `haet seal commit` wrote, or neither.',
  });
}

/**
 * Reads what was committed to; null where nothing was named.
 * @throws UserError when a file cannot be read, or the reveal or the sealed set is not the one committed to
 */
export async function readCommitted(
  { commitment: path, reveal: revealPath }: CommitmentOptions,
  { info }: Pick<RunTrack, 'info'>,
): Promise<Committed | null> {
  if (path === undefined || revealPath === undefined) return null;
  const commitment = await readCommitment(path);
  const reveal = await readReveal(revealPath);
  const otherSet = sealedFault(commitment, 'sealed' in info ? info.sealed.sha256 : null);
  if (otherSet !== null) {
    throw new UserError({
      path,
      reason: otherSet,
      remedy: 'Give the Track whose withheld.age it was made of with `haet seal commit`.',
    });
  }
  const otherSeeds = revealFault(commitment, reveal);
  if (otherSeeds !== null) {
    throw new UserError({
      path: revealPath,
      reason: otherSeeds,
      remedy: 'Give the two files that one `haet seal commit` wrote.',
    });
  }
  return { path, seeds: reveal.seeds, terms: commitment.terms };
}

/**
 * Refuses to run under other terms than those committed to.
 * @throws UserError that names every difference
 */
export function requireTerms({ path, terms }: Committed, used: UsedTerms): void {
  const faults = compareTerms(terms, used).flatMap(({ fault }) => fault ?? []);
  if (faults.length === 0) return;
  throw new UserError({
    path,
    reason: `this would run under other terms: ${faults.join('; ')}`,
    remedy: 'Run it under the terms that were published.',
  });
}
