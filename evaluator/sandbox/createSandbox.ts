import { UserError } from '../../datasets/userError.ts';
import { createBubblewrapSandbox } from './bubblewrap/bubblewrap.ts';
import { createDockerSandbox } from './docker/docker.ts';
import { createProcessSandbox } from './process/process.ts';
import { requireTemporaryFolder } from './requireTemporaryFolder.ts';
import { runtimeMounts } from './runtimeMounts.ts';
import type { Sandbox, SandboxKind } from './sandbox.ts';
import { createUserSandbox } from './user/user.ts';

export { type SandboxKind, sandboxKinds } from './sandbox.ts';

/**
 * The sandbox of a kind, on this machine.
 * @param options.image name of the image that `docker` runs entries in
 * @param options.runtime what the engine of `docker` runs containers by; its default where none is named
 * @throws UserError when the machine lacks what that kind needs
 */
export async function createSandbox(
  kind: SandboxKind,
  options: { readonly image?: string | undefined; readonly runtime?: string | undefined } = {},
): Promise<Sandbox> {
  if (options.runtime !== undefined && kind !== 'docker') {
    throw new UserError(`--runtime ${options.runtime} goes with --sandbox docker, not with ${kind}.`);
  }
  // Every run needs it, some only after training.
  await requireTemporaryFolder();
  // Entries may run as another user, who must be able to read what is made for them.
  if (kind !== 'process') process.umask(0o022);
  switch (kind) {
    case 'process':
      return createProcessSandbox();
    case 'bubblewrap':
      return createBubblewrapSandbox(runtimeMounts());
    case 'docker':
      return createDockerSandbox(options.image, options.runtime);
    case 'user':
      return createUserSandbox();
  }
}
