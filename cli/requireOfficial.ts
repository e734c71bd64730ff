import { readCommitment, readReveal, revealFault, sealedFault } from '../datasets/sealing/commitment.ts';
import { UserError } from '../datasets/userError.ts';
import { isSealed } from '../evaluator/runTrack.ts';
import type { SandboxKind } from '../evaluator/sandbox/sandbox.ts';

/**
 * Refuses, before any time is spent, what no signed record may come of: a Track whose answers lie open, and a sandbox in
 * which an entry could read the key.
 * @param remedies what to do instead, one sentence each
 * @throws UserError
 */
export async function requireOfficial(
  { track, sandbox }: { readonly track: string; readonly sandbox: SandboxKind },
  remedies: { readonly track: string; readonly sandbox: string },
): Promise<void> {
  if (!(await isSealed(track))) {
    throw new UserError(`the Track in ${track} is not sealed: its answers lie open. ${remedies.track}`);
  }
  if (sandbox === 'process') {
    throw new UserError(
      `--sandbox process fences nothing off: no official run, as an entry could read the key. ${remedies.sandbox}`,
    );
  }
}

/**
 * The seeds that were committed to before the contest, in their order.
 * @param given paths of the commitment and the reveal; sha256 of withheld.age, null where the Track is not sealed
 * @throws UserError when a file cannot be read, or the reveal or the sealed set is not the one committed to
 */
export async function committedSeeds(given: {
  readonly commitment: string;
  readonly reveal: string;
  readonly sealedSha256: string | null;
}): Promise<readonly number[]> {
  const commitment = await readCommitment(given.commitment);
  const reveal = await readReveal(given.reveal);
  const otherSet = sealedFault(commitment, given.sealedSha256);
  if (otherSet !== null) {
    throw new UserError(
      `${given.commitment}: ${otherSet}. Give the Track whose withheld.age it was made of with \`haet seal commit\`.`,
    );
  }
  const otherSeeds = revealFault(commitment, reveal);
  if (otherSeeds !== null) {
    throw new UserError(
      `${given.reveal}: ${otherSeeds}. Give the two files that one \`haet seal commit\` wrote.`,
    );
  }
  return reveal.seeds;
}
