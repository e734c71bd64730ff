import { readCommitment, readReveal, revealFault, sealedFault } from '../datasets/sealing/commitment.ts';
import { type ContestTerms, compareTerms, type UsedTerms } from '../datasets/sealing/terms.ts';
import { UserError } from '../datasets/userError.ts';
import type { RunTrack } from '../evaluator/run/runTrack.ts';

/** The files of a commitment, from the command line. */
export interface CommitmentOptions {
  readonly commitment?: string;
  readonly reveal?: string;
}

/** A commitment with its reveal. */
export interface Committed {
  /** Path of the commitment. */
  readonly path: string;
  /** In the order of the reveal. */
  readonly seeds: readonly number[];
  readonly terms: ContestTerms;
}

/**
 * Rejects one file without the other, before anything is created.
 * @throws UserError
 */
export function requireBoth({ commitment, reveal }: CommitmentOptions): void {
  if ((commitment === undefined) === (reveal === undefined)) return;
  throw new UserError({
    reason: '--commitment and --reveal must be given together',
    remedy: 'Give both files that `haet seal commit` wrote, or neither.',
  });
}

/**
 * Reads a commitment and its reveal; null if none is given.
 * @throws UserError if a file cannot be read, or the reveal or the sealed set does not match the commitment
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
      remedy: 'Give the Track that `haet seal commit` was run on.',
    });
  }
  const otherSeeds = revealFault(commitment, reveal);
  if (otherSeeds !== null) {
    throw new UserError({
      path: revealPath,
      reason: otherSeeds,
      remedy: 'Give the two files of the same `haet seal commit`.',
    });
  }
  return { path, seeds: reveal.seeds, terms: commitment.terms };
}

/**
 * Rejects terms that differ from the commitment.
 * @throws UserError with every difference
 */
export function requireTerms({ path, terms }: Committed, used: UsedTerms): void {
  const faults = compareTerms(terms, used).flatMap(({ fault }) => fault ?? []);
  if (faults.length === 0) return;
  throw new UserError({
    path,
    reason: `the terms differ: ${faults.join('; ')}`,
    remedy: 'Use the published terms.',
  });
}
