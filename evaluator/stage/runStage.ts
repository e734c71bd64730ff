import { statfs } from 'node:fs/promises';
import type { Limits, ProgressLine } from '../contract.ts';
import type { RunRecord, RunStage, StageRecord } from '../run/record.ts';
import { outOfMemoryKills } from '../sandbox/linux/procfs.ts';
import { ProgramNotFound, type RunningStage, type Sandbox, type StageSpec } from '../sandbox/sandbox.ts';
import { causeOf, faultOfMachine } from './endCause.ts';
import { noProgress, readStreams } from './readStreams.ts';
import { stageNotes } from './stageNotes.ts';
import { isBeyondQuota, startWatchers, type Watchers } from './startWatchers.ts';
import { type WatchResult, watch } from './watchdog.ts';

export interface StagePlan {
  readonly stage: RunStage;
  readonly spec: StageSpec;
  readonly limitSeconds: number;
  /** Folder of the run; logs and progress go there. */
  readonly folder: string;
  readonly limits: Limits;
  /** Ends the stage early. */
  readonly interrupt: AbortSignal;
  readonly onProgress?: (line: ProgressLine, atSeconds: number) => void;
}

export interface StageResult {
  readonly record: StageRecord;
  readonly progress: RunRecord['progress'];
  /** Whether the stage filled its output or scratch folder. */
  readonly outputFull: boolean;
  /** Whether it exceeded the limit; then nothing of it is used. */
  readonly beyondQuota: boolean;
  /** Fault of the machine that made the stage fail; null if none. */
  readonly machineFault: string | null;
  /** Further facts for the record, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Runs one stage of an entry to its end. When this returns, no process of the stage is alive and all its output has
 * been read.
 * @throws Error for a fault of the sandbox or the evaluator, never of the entry
 */
export async function runStage(sandbox: Sandbox, plan: StagePlan): Promise<StageResult> {
  const startedAt = new Date().toISOString();
  const oomBefore = outOfMemoryKills();
  await sandbox.pageCache?.clear(plan.spec.mounts.map(({ host }) => host));
  const running = await sandbox.start(plan.spec).catch((error) => {
    if (error instanceof ProgramNotFound) return error;
    throw error;
  });
  if (running instanceof ProgramNotFound) return neverStarted(plan, startedAt, running.message);
  return follow(running, plan, { startedAt, oomBefore }).finally(() => running.output.discard());
}

/** Watches a started stage, ends it and returns the result. */
async function follow(
  running: RunningStage,
  plan: StagePlan,
  before: { readonly startedAt: string; readonly oomBefore: number | null },
): Promise<StageResult> {
  const { stage, spec } = plan;
  const { limits, work } = spec;
  const streams = readStreams(running, plan);
  const watchers = startWatchers(running, limits, work);
  const watched = await watchToItsEnd(running, plan, watchers).catch(async (error) => {
    // An open stream would keep this process alive.
    await streams.finish();
    throw error;
  });
  const { memoryFoundBytes, ...resources } = watchers.stop();
  const machineOomKills = (outOfMemoryKills() ?? 0) - (before.oomBefore ?? 0);
  const { stdout, stderr, progress } = await streams.finish();

  const { output } = running;
  const beyondQuota = watched.cause === 'disk-full' || (await isBeyondQuota(running, limits, work));
  const outputFull = beyondQuota || (output.walled && (await isFull(output.path)));
  // Output beyond the limit is not kept, because copying it could fill this machine's disk. Neither is output that a
  // surviving process may still change.
  const isKept = !(output.walled && beyondQuota) && watched.kill.processesLeft === 0;
  const lost = isKept ? await output.collect() : null;
  const found = {
    machineOomKills,
    memory: { peakBytes: resources.peakMemoryBytes, limitBytes: limits.memoryBytes },
    outputFull,
    machineDiskFull: !output.walled && !outputFull && (await isFull(plan.folder)),
  };
  return {
    record: {
      stage,
      argv: [...spec.argv],
      startedAt: before.startedAt,
      limitSeconds: plan.limitSeconds,
      ...endOf(running, watched, causeOf(watched, found), plan.limitSeconds),
      ...resources,
      stdoutBytes: stdout.bytes,
      stderrBytes: stderr.bytes,
    },
    progress,
    outputFull,
    beyondQuota,
    machineFault: faultOfMachine(watched, found),
    notes: stageNotes({ stage, limits, watched, stdout, stderr, beyondQuota, lost, memoryFoundBytes }),
  };
}

/** Waits for the end of a stage. An internal error leaves no timer and no process. */
async function watchToItsEnd(
  running: RunningStage,
  { limitSeconds, interrupt }: StagePlan,
  watchers: Watchers,
): Promise<WatchResult> {
  try {
    return await watch(running, limitSeconds, { interrupted: interrupt, ...watchers.stops }, watchers.end);
  } catch (error) {
    watchers.stop();
    await running.kill().catch(() => {});
    throw error;
  }
}

/** Returns how and when a stage ended, for the record. */
function endOf(
  { startedAt }: RunningStage,
  { cause, exit, kill }: WatchResult,
  ended: StageRecord['ended'],
  limitSeconds: number,
): Pick<StageRecord, 'seconds' | 'ended' | 'exitCode' | 'signal' | 'kill' | 'processesLeft' | 'limitHits'> {
  const clock = (at: number) => (at - startedAt) / 1000;
  const wasKilled = cause !== 'exited' || kill.processesKilled > 0;
  const stoppedAtSeconds = clock(kill.stoppedAt);
  return {
    seconds: wasKilled ? stoppedAtSeconds : clock(exit.at),
    ended,
    exitCode: exit.exitCode,
    signal: exit.signal,
    kill: wasKilled
      ? {
          signalledAtSeconds: clock(kill.signalledAt),
          stoppedAtSeconds,
          goneAtSeconds: clock(kill.goneAt),
          overshootMs: ended === 'deadline' ? (stoppedAtSeconds - limitSeconds) * 1000 : 0,
          processesKilled: kill.processesKilled,
        }
      : null,
    processesLeft: kill.processesLeft,
    limitHits: kill.limitHits,
  };
}

/** A disk counts as full if less than 64 KiB or no inode is left, so that no useful checkpoint fits. */
async function isFull(folder: string): Promise<boolean> {
  const { bavail, bsize, files, ffree } = await statfs(folder);
  return bavail * bsize < 64 * 1024 || (files > 0 && ffree === 0);
}

function neverStarted(plan: StagePlan, startedAt: string, reason: string): StageResult {
  return {
    record: {
      stage: plan.stage,
      argv: [...plan.spec.argv],
      startedAt,
      limitSeconds: plan.limitSeconds,
      seconds: 0,
      ended: 'failed-to-start',
      exitCode: null,
      signal: null,
      kill: null,
      processesLeft: null,
      limitHits: null,
      cpuSeconds: 0,
      peakMemoryBytes: 0,
      usage: [],
      contention: null,
      stdoutBytes: 0,
      stderrBytes: 0,
    },
    progress: noProgress,
    outputFull: false,
    beyondQuota: false,
    machineFault: null,
    notes: [`${plan.stage}: could not be started: ${reason}`],
  };
}
