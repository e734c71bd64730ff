import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { shutInherited } from './inheritedDescriptors.ts';
import type { RunningStage, StageExit, StageSpec } from './sandbox.ts';

export interface StartedChild
  extends Pick<RunningStage, 'startedAt' | 'stdout' | 'stderr' | 'progress' | 'exited'> {
  readonly child: ChildProcess;
  /** Descriptors from 4 on, as many as were asked for; either end may write. */
  readonly further: readonly Socket[];
}

/**
 * Starts the first process of a stage, in a session of its own. The clock starts just before it.
 * @param words program and arguments: the stage's own, or those of what starts it
 * @param further how many descriptors are opened from 4 on, to talk with what starts the stage
 */
export function startChild(
  words: readonly string[],
  spec: Pick<StageSpec, 'environment' | 'progress' | 'cwd'>,
  further = 0,
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
      ...Array<'pipe'>(further).fill('pipe'),
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
    further: child.stdio.slice(4, 4 + further) as unknown as Socket[],
    exited,
  };
}
