import type { KillReceipt, RunningStage, StageExit } from './sandbox/sandbox.ts';

/** What ended a stage: the first cause wins, whatever happened after it. */
export type EndCause = 'exited' | 'deadline' | 'interrupted';

export interface WatchResult {
  readonly cause: EndCause;
  /** How the process that was started ended; after a kill, by the kill. */
  readonly exit: StageExit;
  readonly kill: KillReceipt;
}

/**
 * Waits for the first of: the stage ends by itself, its time is up, someone interrupts. Then kills whatever is left,
 * once, and returns when nothing is.
 *
 * There is one clock, `performance.now()`, which is monotonic: a change of the wall clock moves no deadline.
 * @param limitSeconds counted from `stage.startedAt`
 * @throws Error when processes survive the kill
 */
export async function watch(
  stage: RunningStage,
  limitSeconds: number,
  interrupt: AbortSignal,
): Promise<WatchResult> {
  const cause = await firstCause(stage, limitSeconds, interrupt);
  const kill = await stage.kill();
  return { cause, exit: await stage.exited, kill };
}

function firstCause(stage: RunningStage, limitSeconds: number, interrupt: AbortSignal): Promise<EndCause> {
  const deadline = stage.startedAt + limitSeconds * 1000;
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout;
    const end = (cause: EndCause) => {
      clearTimeout(timer);
      interrupt.removeEventListener('abort', interrupted);
      resolve(cause);
    };
    const interrupted = () => end('interrupted');
    // Node's timers count whole milliseconds and may fire one early.
    const tick = () => {
      const left = deadline - performance.now();
      if (left <= 0) end('deadline');
      else timer = setTimeout(tick, left);
    };
    tick();
    interrupt.addEventListener('abort', interrupted);
    if (interrupt.aborted) interrupted();
    // An exit that is noticed only after the deadline came after the deadline.
    stage.exited.then((exit) => end(exit.at <= deadline ? 'exited' : 'deadline'), reject);
  });
}
