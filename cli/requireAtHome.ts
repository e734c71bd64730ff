import { resolve } from 'node:path';
import { UserError } from '../datasets/userError.ts';
import { liesIn } from '../evaluator/sandbox/requireNotShown.ts';

/** Secrets that must stay on this machine, and what every node sees. */
interface Places {
  readonly identity?: string | undefined;
  readonly reveal?: string | undefined;
  readonly shared: Readonly<Record<string, string>>;
}

/**
 * Refuses secrets in folders that every node must see.
 * @throws UserError
 */
export function requireAtHome({ identity, reveal, shared }: Places): void {
  for (const [option, path] of Object.entries({ '--identity': identity, '--reveal': reveal })) {
    if (path === undefined) continue;
    const place = Object.keys(shared).find((name) => liesIn(path, shared[name]!));
    if (place === undefined) continue;
    throw new UserError({
      option,
      path: resolve(path),
      reason: `lies in ${place}, which every node of the cluster can read`,
      remedy: 'Move it to a disk of this machine that no node mounts.',
    });
  }
}
