import { hostname } from 'node:os';
import type { CanaryMark } from '../../run/canaryMark.ts';
import { clearUnfinished } from '../attempts.ts';
import type { AttemptOrder, Executor } from '../executor.ts';
import { createTurns } from '../inTurn.ts';
import type { Canary } from './canary.ts';
import { readJudgements } from './canaryLog.ts';
import { canaryFolder, countRun, isDue, readLastCanary } from './canaryRuns.ts';
import { judgeCanaries } from './judgeCanaries.ts';

/**
 * Returns an executor of this machine that runs the canary before the first attempt and again every K. No attempt is
 * started while the canary runs; those in progress go on.
 * @param stop called if the canary is out of its band, before attempts become void; no attempt is started afterwards
 */
export function withCanary(
  executor: Executor,
  canary: Canary,
  stop: () => void,
  node = hostname(),
): Executor {
  const inTurn = createTurns();
  const { outFolder, terms, every } = canary;
  let onJudged: () => Promise<void> = async () => {};
  let isStopped = false;
  return {
    ...executor,
    onJudged(act) {
      onJudged = act;
    },
    async run(order, abort) {
      const after = await inTurn(() => nextAfter(order, abort));
      if (after === null) return null;
      const remarks = [...(order.plan.remarks ?? []), `ran after canary ${after.number} of ${node}`];
      return executor.run({ ...order, plan: { ...order.plan, remarks, canary: after } }, abort);
    },
  };

  /** Returns the canary that the next attempt follows; null if none may be started. */
  async function nextAfter(order: AttemptOrder, abort: AbortSignal): Promise<CanaryMark | null> {
    const lastOne = async () => readLastCanary(outFolder, node, terms, await readJudgements(outFolder));
    if (isStopped || abort.aborted) return null;
    await judge(); // an earlier call may have been killed before
    let last = await lastOne();
    if (!isStopped && isDue(last, every)) {
      await runCanary(order, (last?.number ?? 0) + 1, abort);
      await judge();
      last = await lastOne();
    }
    if (isStopped || abort.aborted) return null;
    if (last === null || last.found !== 'good') {
      isStopped = true;
      canary.warn('Grading stops, because no run of the canary could be judged.');
      stop();
      return null;
    }
    await countRun(last.folder);
    return { node, number: last.number };
  }

  async function runCanary({ plan }: AttemptOrder, number: number, abort: AbortSignal): Promise<void> {
    canary.warn(`Canary ${number} on ${node} starts`);
    await clearUnfinished(canaryFolder(outFolder, node));
    await executor.run(
      {
        plan: {
          ...plan,
          entryPath: canary.archive,
          runsFolder: canaryFolder(outFolder, node),
          seed: terms.seed,
          attempt: number,
          keepModel: false,
        },
        archiveSha256: terms.archiveSha256,
        open: null,
      },
      abort,
    );
  }

  async function judge(): Promise<void> {
    const made = await judgeCanaries(canary, {
      async act() {
        isStopped = true;
        stop();
        return 'stopped';
      },
    });
    if (made.length > 0) await onJudged();
  }
}
