import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { shutInherited } from './inheritedDescriptors.ts';
import type { RunningStage, StageExit, StageSpec } from './sandbox.ts';

export interface StartedChild
  extends Pick<RunningStage, 'startedAt' | 'stdout' | 'stderr' | 'progress' | 'exited'> {
  readonly child: ChildProcess;
  /** Descriptor 4, where it was asked for. */
  readonly info: Readable | null;
}

/**
 * Starts the first process of a stage, in a session of its own. The clock starts just before it.
 * @param words program and arguments: the stage's own, or those of what starts it
 * @param options.info whether descriptor 4 is opened, for what the starter says
 */
export function startChild(
  words: readonly string[],
  spec: Pick<StageSpec, 'environment' | 'progress' | 'cwd'>,
  options: { info?: boolean } = {},
): StartedChild {
  const startedAt = performance.now();
  const child = spawn(words[0]!, words.slice(1), {
    cwd: spec.cwd,
    env: { ...spec.environment },
    stdio: shutInherited([
      'ignore',
      'pipe',
      'pipe',
      spec.progress ? 'pipe' : 'ignore',
      ...(options.info ? ['pipe' as const] : []),
    ]),
    detached: true,
  });
  const exited = new Promise<StageExit>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal, at: performance.now() }));
  });
  return {
    child,
    startedAt,
    stdout: child.stdout!,
    stderr: child.stderr!,
    progress: (child.stdio[3] as Readable | null) ?? null,
    info: (child.stdio[4] as Readable | null | undefined) ?? null,
    exited,
  };
}
