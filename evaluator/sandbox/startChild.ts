import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { shutInherited } from './inheritedDescriptors.ts';
import type { RunningStage, StageExit, StageSpec } from './sandbox.ts';
import { makeStagePipes } from './stagePipes.ts';

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
export async function startChild(
  words: readonly string[],
  spec: Pick<StageSpec, 'environment' | 'progress' | 'cwd'>,
  further = 0,
): Promise<StartedChild> {
  const pipes = await makeStagePipes(spec.progress ? 3 : 2);
  const [stdout, stderr, progress = null] = pipes;
  const startedAt = performance.now();
  let child: ChildProcess;
  try {
    child = spawn(words[0]!, words.slice(1), {
      cwd: spec.cwd,
      env: { ...spec.environment },
      stdio: shutInherited([
        'ignore',
        stdout!.writer,
        stderr!.writer,
        progress?.writer ?? 'ignore',
        ...Array<'pipe'>(further).fill('pipe'),
      ]),
      detached: true,
    });
  } catch (error) {
    for (const { reader } of pipes) reader.destroy();
    throw error;
  } finally {
    for (const pipe of pipes) pipe.closeWriter();
  }
  const exited = new Promise<StageExit>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal, at: performance.now() }));
  });
  return {
    child,
    startedAt,
    stdout: stdout!.reader,
    stderr: stderr!.reader,
    progress: progress?.reader ?? null,
    further: child.stdio.slice(4, 4 + further) as unknown as Socket[],
    exited,
  };
}
