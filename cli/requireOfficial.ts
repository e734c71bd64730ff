import { UserError } from '../datasets/userError.ts';
import { isSealed } from '../evaluator/run/runTrack.ts';
import { unheld } from '../evaluator/sandbox/holds.ts';
import type { Sandbox, SandboxKind } from '../evaluator/sandbox/sandbox.ts';

/**
 * Rejects, before the run starts, what cannot lead to a signed record: an open Track, or a sandbox in which an entry
 * could read the key.
 * @param remedies what to do instead, one sentence per rejection
 * @throws UserError
 */
export async function requireOfficial(
  { track, sandbox }: { readonly track: string; readonly sandbox: SandboxKind },
  remedies: { readonly track: string; readonly sandbox: string },
): Promise<void> {
  if (!(await isSealed(track))) {
    throw new UserError(`the Track in ${track} is not sealed: its labels are readable. ${remedies.track}`);
  }
  if (sandbox === 'process') {
    throw new UserError(
      `--sandbox process isolates nothing, so an entry could read the key. It cannot make an official run. ${remedies.sandbox}`,
    );
  }
}

/**
 * Rejects a sandbox that does not enforce the limits on this machine.
 * @throws UserError
 */
export function requireHeld({ kind, holds }: Pick<Sandbox, 'kind' | 'holds'>): void {
  const missing = unheld(holds);
  if (missing.length === 0) return;
  throw new UserError({
    option: `--sandbox ${kind}`,
    reason: `does not enforce ${missing.join(', ')} on this machine, so the run could not be signed`,
    remedy: heldRemedies[kind],
  });
}

const heldRemedies: Record<SandboxKind, string> = {
  process: 'Use bubblewrap or docker.',
  bubblewrap: 'Run haet as root, which can create control groups, or use --sandbox docker.',
  docker: 'Use a Docker engine that sets limits.',
  user: 'Start the container with --network none, --memory and --memory-swap of the same size, and whole CPUs (--cpus 4 or --cpuset-cpus 0-3).',
};
