import { createProcessSandbox } from './process.ts';
import type { Sandbox } from './sandbox.ts';

export const sandboxKinds = ['process'] as const;
export type SandboxKind = (typeof sandboxKinds)[number];

/**
 * The sandbox of a kind, on this machine.
 * @throws UserError when the machine lacks what that kind needs
 */
export async function createSandbox(_kind: SandboxKind): Promise<Sandbox> {
  return createProcessSandbox();
}
