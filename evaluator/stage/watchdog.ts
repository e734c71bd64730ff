import type { KillReceipt, RunningStage, StageExit } from '../sandbox/sandbox.ts';

/** What ended a stage: the first cause wins, whatever happened after it. */
export type EndCause = 'exited' | 'deadline' | StopCause;

/** Why a stage was stopped before its time. */
export type StopCause = 'interrupted' | 'disk-full' | 'memory';

export interface WatchResult {
  readonly cause: EndCause;
  /** How the process that was started ended; after a kill, by the kill. */
  readonly exit: StageExit;
  readonly kill: KillReceipt;
}

/**
 * Waits for the first of: the stage ends by itself, its time is up, one of the stops. Then kills whatever is left,
 * once, and returns when nothing is.
 *
 * There is one clock, `performance.now()`, which is monotonic: a change of the wall clock moves no deadline.
 * @param limitSeconds counted from `stage.startedAt`
 * @param onEnd called when the stage is over and before it is killed, so it must be quick
 * @throws Error when processes survive the kill
 */
export async function watch(
  stage: RunningStage,
  limitSeconds: number,
  stops: Readonly<Partial<Record<StopCause, AbortSignal>>>,
  onEnd: () => void = () => {},
): Promise<WatchResult> {
  const cause = await firstCause(stage, limitSeconds, stops);
  onEnd();
  const kill = await stage.kill();
  return { cause, exit: await stage.exited, kill };
}

function firstCause(
  stage: RunningStage,
  limitSeconds: number,
  stops: Readonly<Partial<Record<StopCause, AbortSignal>>>,
): Promise<EndCause> {
  const deadline = stage.startedAt + limitSeconds * 1000;
  const over = new AbortController();
  const decided = new Promise<EndCause>((resolve, reject) => {
    let timer: NodeJS.Timeout;
    over.signal.addEventListener('abort', () => clearTimeout(timer));
    // Node's timers count whole milliseconds and may fire one early.
    const tick = () => {
      const left = deadline - performance.now();
      if (left <= 0) resolve('deadline');
      else timer = setTimeout(tick, left);
    };
    tick();
    for (const [cause, signal] of Object.entries(stops) as [StopCause, AbortSignal][]) {
      if (signal.aborted) resolve(cause);
      signal.addEventListener('abort', () => resolve(cause), { signal: over.signal });
    }
    // An exit that is noticed only after the deadline came after the deadline.
    stage.exited.then((exit) => resolve(exit.at <= deadline ? 'exited' : 'deadline'), reject);
  });
  return decided.finally(() => over.abort());
}
