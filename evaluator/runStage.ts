import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CapturedLog, captureLog } from './captureLog.ts';
import { watchContention } from './contention.ts';
import type { Limits, ProgressLine, StageName } from './contract.ts';
import { readProgress } from './readProgress.ts';
import type { RunRecord, StageRecord } from './record.ts';
import { sampleUsage } from './sampleUsage.ts';
import { outOfMemoryKills } from './sandbox/procfs.ts';
import { ProgramNotFound, type RunningStage, type Sandbox, type StageSpec } from './sandbox/sandbox.ts';
import { type WatchResult, watch } from './watchdog.ts';
import { watchMemory } from './watchMemory.ts';
import { exceeds, watchOutput } from './watchOutput.ts';

export interface StagePlan {
  readonly stage: StageName;
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
  /** Whether the stage left no room on the disk that it wrote to. */
  readonly diskFull: boolean;
  /** Further facts for the record, one sentence each. */
  readonly notes: readonly string[];
}

export const noProgress: RunRecord['progress'] = { lines: 0, rejected: 0, last: null };

/**
 * Runs one stage of an entry to its end. When this returns, no process of the stage lives and all it wrote has been
 * read.
 * @throws Error at a fault of the sandbox or of the evaluator, never at one of the entry
 */
export async function runStage(sandbox: Sandbox, plan: StagePlan): Promise<StageResult> {
  const startedAt = new Date().toISOString();
  const oomBefore = outOfMemoryKills();
  const running = await sandbox.start(plan.spec).catch((error) => {
    if (error instanceof ProgramNotFound) return error;
    throw error;
  });
  if (running instanceof ProgramNotFound) return neverStarted(plan, startedAt, running.message);
  return follow(running, plan, { startedAt, oomBefore }).finally(() => running.output.discard());
}

/** Watches a stage that has been started, ends it, and says how it went. */
async function follow(
  running: RunningStage,
  plan: StagePlan,
  { startedAt, oomBefore }: { startedAt: string; oomBefore: number | null },
): Promise<StageResult> {
  const log = (stream: Readable, name: string) =>
    captureLog(stream, join(plan.folder, `${plan.stage}.${name}.log`), plan.limits.logBytes);
  const drained = Promise.all([
    log(running.stdout, 'stdout'),
    log(running.stderr, 'stderr'),
    running.progress === null
      ? noProgress
      : readProgress(
          running.progress,
          join(plan.folder, 'progress.jsonl'),
          running.startedAt,
          plan.limits,
          plan.onProgress ?? (() => {}),
        ),
  ]);
  const sampler = sampleUsage(running.processes, running.startedAt);
  const neighbours = watchContention(running.processes, plan.spec.limits.cpus);
  const { outBytes, outFiles } = plan.limits;
  const { output } = running;
  const watcher = watchOutput(
    output.path,
    { bytes: outBytes, files: outFiles },
    // On a file system of its own, nobody else takes room.
    output.walled ? 0 : undefined,
  );
  const memory = watchMemory(running.memoryBeyond);
  // A fault of ours must leave neither a timer nor a process behind.
  const stops = { interrupted: plan.interrupt, 'disk-full': watcher.full, memory: memory.beyond };
  const watched = await watch(running, plan.limitSeconds, stops)
    .catch(async (error) => {
      sampler.stop();
      neighbours.stop();
      await running.kill().catch(() => {});
      throw error;
    })
    .finally(() => {
      watcher.stop();
      memory.stop();
    });
  const resources = { ...sampler.stop(), contention: neighbours.stop() };
  await letDrain(drained, [running.stdout, running.stderr, running.progress]);
  const [stdout, stderr, progress] = await drained;

  const machineOomKills = (outOfMemoryKills() ?? 0) - (oomBefore ?? 0);
  // Of a stage that failed, one more look: it may have been refused room, and have ended, between two others.
  const diskFull =
    watched.cause === 'disk-full' ||
    (watched.exit.exitCode !== 0 && (await exceeds(output.path, { bytes: outBytes, files: outFiles }))) ||
    (output.walled && (await isFull(output.path))) ||
    (await isFull(plan.folder));
  const lost = await output.collect();
  const ended = causeOf(watched, { machineOomKills, diskFull });
  const clock = (at: number) => (at - running.startedAt) / 1000;
  const killed = watched.cause !== 'exited' || watched.kill.processesKilled > 0;
  const notes = [
    ...logNotes(plan.stage, stdout, 'standard output'),
    ...logNotes(plan.stage, stderr, 'standard error'),
    ...limitNotes(plan, watched, ended, machineOomKills),
    ...memoryNotes(plan, watched.cause, memory.foundBytes()),
    ...(lost === null ? [] : [`${plan.stage}: not all that it left could be kept (${lost})`]),
    ...(watched.cause === 'exited' && killed
      ? [`${plan.stage}: left ${watched.kill.processesKilled} processes running, which were killed`]
      : []),
  ];
  return {
    record: {
      stage: plan.stage,
      argv: [...plan.spec.argv],
      startedAt,
      limitSeconds: plan.limitSeconds,
      seconds: clock(killed ? watched.kill.goneAt : watched.exit.at),
      ended,
      exitCode: watched.exit.exitCode,
      signal: watched.exit.signal,
      kill: killed
        ? {
            signalledAtSeconds: clock(watched.kill.signalledAt),
            goneAtSeconds: clock(watched.kill.goneAt),
            overshootMs: ended === 'deadline' ? (clock(watched.kill.goneAt) - plan.limitSeconds) * 1000 : 0,
            processesKilled: watched.kill.processesKilled,
          }
        : null,
      limitHits: watched.kill.limitHits,
      ...resources,
      stdoutBytes: stdout.bytes,
      stderrBytes: stderr.bytes,
    },
    progress,
    diskFull,
    notes,
  };
}

/**
 * Names the cause by what was measured. An exit status alone never proves lack of memory, processes or disk: the first
 * two take the kernel's own counts, the third a full disk. Where no control group counts for the stage alone, the
 * machine's count of kills is taken, and only for a stage that was killed.
 */
export function causeOf(
  watched: Pick<WatchResult, 'cause' | 'exit'> & { kill: Pick<WatchResult['kill'], 'limitHits'> },
  found: { machineOomKills: number; diskFull: boolean },
): StageRecord['ended'] {
  if (watched.cause === 'memory') return 'out-of-memory';
  if (watched.cause !== 'exited' || watched.exit.exitCode === 0) return watched.cause;
  const { limitHits } = watched.kill;
  const wasKilled = watched.exit.signal === 'SIGKILL' || watched.exit.exitCode === 137;
  if (limitHits === null ? found.machineOomKills > 0 && wasKilled : limitHits.outOfMemoryKills > 0) {
    return 'out-of-memory';
  }
  if (limitHits !== null && limitHits.processesRefused > 0) return 'too-many-processes';
  return found.diskFull ? 'disk-full' : 'exited';
}

function limitNotes(
  { stage, limits }: StagePlan,
  { cause, kill: { limitHits } }: WatchResult,
  ended: StageRecord['ended'],
  machineOomKills: number,
): string[] {
  const notes: string[] = [];
  if (limitHits === null && ended === 'out-of-memory') {
    notes.push(
      `${stage}: the kernel's out-of-memory killer struck ${machineOomKills} times while it ran (/proc/vmstat)`,
    );
  }
  if (limitHits !== null && limitHits.outOfMemoryKills > 0) {
    notes.push(`${stage}: killed for lack of memory ${limitHits.outOfMemoryKills} times (control group)`);
  }
  if (limitHits !== null && limitHits.processesRefused > 0) {
    notes.push(
      `${stage}: refused a new process or thread ${limitHits.processesRefused} times (control group)`,
    );
  }
  if (cause === 'disk-full') {
    notes.push(
      `${stage}: put more into its output folder than ${limits.outBytes} bytes or ${limits.outFiles} files, shut a folder in it, or took as much of its disk`,
    );
  }
  return notes;
}

function memoryNotes(
  { stage, spec }: StagePlan,
  cause: WatchResult['cause'],
  bytes: number | null,
): string[] {
  return cause === 'memory'
    ? [`${stage}: held ${bytes} bytes of memory, and was given ${spec.limits.memoryBytes}: it was ended`]
    : [];
}

/** A disk is full when a checkpoint of any use would not fit: under 64 KiB, or no file, left. */
async function isFull(folder: string): Promise<boolean> {
  const { bavail, bsize, files, ffree } = await statfs(folder);
  return bavail * bsize < 64 * 1024 || (files > 0 && ffree === 0);
}

/** A process that escaped the sandbox could hold a stream open for ever: no process, no more to read. */
async function letDrain(drained: Promise<unknown>, streams: (Readable | null)[]): Promise<void> {
  const patience = new AbortController();
  await Promise.race([drained, sleep(2000, undefined, { signal: patience.signal }).catch(() => {})]);
  patience.abort();
  for (const stream of streams) stream?.destroy();
}

function logNotes(stage: StageName, log: CapturedLog, name: string): string[] {
  return log.fault === null ? [] : [`${stage}: the log of its ${name} is not complete (${log.fault})`];
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
      limitHits: null,
      cpuSeconds: 0,
      peakMemoryBytes: 0,
      usage: [],
      contention: null,
      stdoutBytes: 0,
      stderrBytes: 0,
    },
    progress: noProgress,
    diskFull: false,
    notes: [`${plan.stage}: could not be started: ${reason}`],
  };
}
