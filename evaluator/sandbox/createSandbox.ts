import { createBubblewrapSandbox } from './bubblewrap.ts';
import { createDockerSandbox } from './docker.ts';
import { createProcessSandbox } from './process.ts';
import { runtimeMounts } from './runtimeMounts.ts';
import type { Sandbox, SandboxKind } from './sandbox.ts';
import { createUserSandbox } from './user.ts';

export { type SandboxKind, sandboxKinds } from './sandbox.ts';

/**
 * The sandbox of a kind, on this machine.
 * @param options.image name of the image that `docker` runs entries in
 * @throws UserError when the machine lacks what that kind needs
 */
export async function createSandbox(
  kind: SandboxKind,
  options: { readonly image?: string | undefined } = {},
): Promise<Sandbox> {
  // Entries may run as another user, who must be able to read what is made for them.
  if (kind !== 'process') process.umask(0o022);
  switch (kind) {
    case 'process':
      return createProcessSandbox();
    case 'bubblewrap':
      return createBubblewrapSandbox(runtimeMounts());
    case 'docker':
      return createDockerSandbox(options.image);
    case 'user':
      return createUserSandbox();
  }
}
