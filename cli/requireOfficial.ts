import type { Command } from 'commander';
import { readCommitment, readReveal, revealFault, sealedFault } from '../datasets/sealing/commitment.ts';
import { type ContestTerms, compareTerms, type UsedTerms } from '../datasets/sealing/terms.ts';
import { UserError } from '../datasets/userError.ts';
import { isSealed } from '../evaluator/run/runTrack.ts';
import { unheld } from '../evaluator/sandbox/holds.ts';
import type { Sandbox, SandboxKind } from '../evaluator/sandbox/sandbox.ts';

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
 * Refuses a sandbox that does not hold entries to their limits on this machine.
 * @throws UserError
 */
export function requireHeld({ kind, holds }: Pick<Sandbox, 'kind' | 'holds'>): void {
  const missing = unheld(holds);
  if (missing.length === 0) return;
  throw new UserError(
    `--sandbox ${kind} does not hold ${missing.join(', ')} here: no record of such a run can be signed. ${heldRemedies[kind]}`,
  );
}

const heldRemedies: Record<SandboxKind, string> = {
  process: 'Use bubblewrap or docker.',
  bubblewrap: 'Run haet as root, who may make control groups, or use --sandbox docker.',
  docker: 'Use a Docker engine that sets limits.',
  user: 'Start the container with --network none, --memory and --memory-swap of the same size, and whole CPUs (--cpus 4 or --cpuset-cpus 0-3).',
};

/** What was committed to before the contest. */
export interface Committed {
  /** Path of the commitment. */
  readonly path: string;
  /** In their order. */
  readonly seeds: readonly number[];
  readonly terms: ContestTerms;
}

/**
 * @param given paths of the commitment and the reveal; sha256 of withheld.age, null where the Track is not sealed
 * @throws UserError when a file cannot be read, or the reveal or the sealed set is not the one committed to
 */
export async function readCommitted(given: {
  readonly commitment: string;
  readonly reveal: string;
  readonly sealedSha256: string | null;
}): Promise<Committed> {
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
  return { path: given.commitment, seeds: reveal.seeds, terms: commitment.terms };
}

/**
 * Refuses to run under other terms than those committed to.
 * @throws UserError that names every difference
 */
export function requireTerms({ path, terms }: Committed, used: UsedTerms): void {
  const faults = compareTerms(terms, used).flatMap(({ fault }) => fault ?? []);
  if (faults.length === 0) return;
  throw new UserError(
    `${path}: this would run under other terms: ${faults.join('; ')}. Run it under the terms that were published.`,
  );
}

/** The limits of both stages: what was given on the command line, else what was committed to, else the defaults. */
export function stageLimits(
  options: { readonly budget: number; readonly predictLimit: number },
  command: Command,
  committed: Committed | null,
): { trainSeconds: number; predictSeconds: number } {
  const choose = (name: 'budget' | 'predictLimit', term: number | undefined) =>
    command.getOptionValueSource(name) === 'default' ? (term ?? options[name]) : options[name];
  return {
    trainSeconds: choose('budget', committed?.terms.trainSeconds),
    predictSeconds: choose('predictLimit', committed?.terms.predictSeconds),
  };
}
