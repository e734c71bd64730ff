import type { KillReceipt, RunningStage, StageExit } from '../sandbox/sandbox.ts';

/** What ended a stage; the first cause wins, whatever happened later. */
export type EndCause = 'exited' | 'deadline' | StopCause;

/** Why a stage was stopped early. */
export type StopCause = 'interrupted' | 'disk-full' | 'memory';

export interface WatchResult {
  readonly cause: EndCause;
  /** Exit of the started process; after a kill, that of the kill. */
  readonly exit: StageExit;
  readonly kill: KillReceipt;
}

/**
 * Waits until the stage ends, its limit is reached, or a stop is requested. Then kills the remaining processes and
 * returns when none is left.
 *
 * The only clock is `performance.now()`, which is monotonic, so a change of the wall clock does not move a deadline.
 * @param limitSeconds counted from `stage.startedAt`
 * @param onEnd called when the stage ends and before the kill, so it must be fast
 * @throws Error if processes survive the kill
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
    // Node's timers count whole milliseconds and can fire one early.
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
    // An exit noticed after the deadline counts as after the deadline.
    const end = (at: number) => resolve(at <= deadline ? 'exited' : 'deadline');
    stage.exited.then((exit) => end(exit.at), reject);
    stage.ended?.then(end);
  });
  return decided.finally(() => over.abort());
}
