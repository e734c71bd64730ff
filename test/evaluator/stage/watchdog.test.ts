import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { RunningStage, StageExit } from '../../../evaluator/sandbox/sandbox.ts';
import { outputOnDisk } from '../../../evaluator/sandbox/stageOutput.ts';
import { watch } from '../../../evaluator/stage/watchdog.ts';

const never = {};

/** Creates a stage that ends on request and counts its kills. */
function madeUpStage() {
  let end!: (exit: StageExit) => void;
  const exited = new Promise<StageExit>((resolve) => {
    end = resolve;
  });
  const stage = {
    startedAt: performance.now(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    progress: null,
    exited,
    output: outputOnDisk('/nowhere'),
    proc: '/proc',
    kills: 0,
    processes: () => [],
    async kill() {
      stage.kills++;
      end({ exitCode: null, signal: 'SIGKILL', at: performance.now() });
      return {
        signalledAt: performance.now(),
        stoppedAt: performance.now(),
        goneAt: performance.now(),
        processesKilled: 1,
        processesLeft: 0,
        limitHits: null,
      };
    },
  } satisfies RunningStage & { kills: number };
  return { stage, end };
}

describe('the watchdog', () => {
  test('waits for a stage to end and kills leftovers once', async () => {
    const { stage, end } = madeUpStage();
    setTimeout(() => end({ exitCode: 0, signal: null, at: performance.now() }), 20);
    const { cause, exit } = await watch(stage, 10, never);
    expect({ cause, code: exit.exitCode, kills: stage.kills }).toEqual({
      cause: 'exited',
      code: 0,
      kills: 1,
    });
  });

  test('never kills before the deadline, and soon after it', async () => {
    for (const limit of [0.001, 0.0105, 0.05]) {
      const { stage } = madeUpStage();
      // A timer of the same length, which a busy machine delays equally.
      const timer = sleep(1000 * limit).then(() => performance.now());
      const { cause, kill } = await watch(stage, limit, never);
      expect(cause).toBe('deadline');
      expect(kill.signalledAt).toBeGreaterThanOrEqual(stage.startedAt + 1000 * limit);
      expect(kill.signalledAt).toBeLessThan((await timer) + 100);
    }
  });

  test('ends at an interrupt, also at an earlier one', async () => {
    const interrupt = new AbortController();
    const first = madeUpStage().stage;
    setTimeout(() => interrupt.abort(), 10);
    expect((await watch(first, 10, { interrupted: interrupt.signal })).cause).toBe('interrupted');
    expect((await watch(madeUpStage().stage, 10, { interrupted: interrupt.signal })).cause).toBe(
      'interrupted',
    );
  });

  test('ends at a full disk', async () => {
    const full = new AbortController();
    setTimeout(() => full.abort(), 10);
    expect((await watch(madeUpStage().stage, 10, { 'disk-full': full.signal })).cause).toBe('disk-full');
  });

  test('returns the first of several causes', async () => {
    const interrupt = new AbortController();
    const { stage, end } = madeUpStage();
    const watched = watch(stage, 10, { interrupted: interrupt.signal });
    interrupt.abort();
    end({ exitCode: 0, signal: null, at: performance.now() });
    expect((await watched).cause).toBe('interrupted');
    expect(stage.kills).toBe(1);
  });

  test('counts an exit after the deadline as the deadline, however late it is noticed', async () => {
    const { stage, end } = madeUpStage();
    const watched = watch(stage, 0.01, never);
    end({ exitCode: 0, signal: null, at: stage.startedAt + 11 });
    expect((await watched).cause).toBe('deadline');
  });
});
