import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Limits, ProgressLine } from '../contract.ts';
import { watchContention } from '../machine/contention.ts';
import type { RunRecord, RunStage, StageRecord } from '../run/record.ts';
import { outOfMemoryKills } from '../sandbox/procfs.ts';
import { ProgramNotFound, type RunningStage, type Sandbox, type StageSpec } from '../sandbox/sandbox.ts';
import { type CapturedLog, captureLog } from './captureLog.ts';
import { namelessBytes } from './namelessFiles.ts';
import { isOutOfMemory } from './outOfMemory.ts';
import { readProgress } from './readProgress.ts';
import { sampleUsage } from './sampleUsage.ts';
import { type WatchResult, watch } from './watchdog.ts';
import { watchMemory } from './watchMemory.ts';
import { exceeds, kernelPathBytes, type OutputQuota, watchOutput } from './watchOutput.ts';

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
  /** Whether the stage used up what its output folder may hold. */
  readonly diskFull: boolean;
  /** Whether it left more there than that: nothing of it is used. */
  readonly beyondQuota: boolean;
  /** What of this machine failed the stage, which is then not to blame; null where nothing did. */
  readonly machineFault: string | null;
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
  await sandbox.pageCache?.clear(plan.spec.mounts.map(({ host }) => host));
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
  const quota = {
    bytes: plan.limits.outBytes,
    files: plan.limits.outFiles,
    pathBytes: kernelPathBytes,
  };
  const { output } = running;
  const watcher = watchOutput(output.path, quota, (device) =>
    namelessBytes(running.proc, idsOf(running), device),
  );
  // On a file system of its own, the kernel holds the scratch folder to its size.
  const scratch = output.walled ? null : watchOutput(plan.spec.work, scratchQuota(plan));
  const memoryWatch = watchMemory(running.memoryBeyond);
  // A fault of ours must leave neither a timer nor a process behind.
  const stops = {
    interrupted: plan.interrupt,
    'disk-full': scratch === null ? watcher.full : AbortSignal.any([watcher.full, scratch.full]),
    memory: memoryWatch.beyond,
  };
  const onEnd = () => {
    sampler.end();
    neighbours.end();
  };
  const watched = await watch(running, plan.limitSeconds, stops, onEnd)
    .catch(async (error) => {
      sampler.stop();
      neighbours.stop();
      await running.kill().catch(() => {});
      throw error;
    })
    .finally(() => {
      watcher.stop();
      scratch?.stop();
      memoryWatch.stop();
    });
  const resources = { ...sampler.stop(), contention: neighbours.stop() };
  await letDrain(drained, [running.stdout, running.stderr, running.progress]);
  const [stdout, stderr, progress] = await drained;

  const machineOomKills = (outOfMemoryKills() ?? 0) - (oomBefore ?? 0);
  const beyondQuota =
    watched.cause === 'disk-full' ||
    (await exceeds(output.path, quota)) ||
    (!output.walled && (await exceeds(plan.spec.work, scratchQuota(plan))));
  const diskFull = beyondQuota || (output.walled && (await isFull(output.path)));
  // More than it may leave is not kept: to copy it could fill this machine's disk.
  const lost = output.walled && beyondQuota ? null : await output.collect();
  const memory = { peakBytes: resources.peakMemoryBytes, limitBytes: plan.spec.limits.memoryBytes };
  const machineDiskFull = !output.walled && !diskFull && (await isFull(plan.folder));
  const ended = causeOf(watched, { machineOomKills, memory, diskFull });
  const machineFault = faultOfMachine(watched, { machineOomKills, memory, machineDiskFull });
  const clock = (at: number) => (at - running.startedAt) / 1000;
  const killed = watched.cause !== 'exited' || watched.kill.processesKilled > 0;
  const notes = [
    ...logNotes(plan.stage, stdout, 'standard output'),
    ...logNotes(plan.stage, stderr, 'standard error'),
    ...limitNotes(plan, watched, beyondQuota),
    ...memoryNotes(plan, watched.cause, memoryWatch.foundBytes()),
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
      seconds: clock(killed ? watched.kill.stoppedAt : watched.exit.at),
      ended,
      exitCode: watched.exit.exitCode,
      signal: watched.exit.signal,
      kill: killed
        ? {
            signalledAtSeconds: clock(watched.kill.signalledAt),
            stoppedAtSeconds: clock(watched.kill.stoppedAt),
            goneAtSeconds: clock(watched.kill.goneAt),
            overshootMs:
              ended === 'deadline' ? (clock(watched.kill.stoppedAt) - plan.limitSeconds) * 1000 : 0,
            processesKilled: watched.kill.processesKilled,
          }
        : null,
      processesLeft: watched.kill.processesLeft,
      limitHits: watched.kill.limitHits,
      ...resources,
      stdoutBytes: stdout.bytes,
      stderrBytes: stderr.bytes,
    },
    progress,
    diskFull,
    beyondQuota,
    machineFault,
    notes,
  };
}

/** What the scratch folder may hold; its files are not counted. */
function scratchQuota({ spec }: StagePlan): OutputQuota {
  return { bytes: spec.limits.workBytes, files: Number.MAX_SAFE_INTEGER };
}

/** None where the stage has just ended, and its processes cannot be listed any more. */
function idsOf(running: RunningStage): number[] {
  try {
    return running.processes().map(({ pid }) => pid);
  } catch {
    return [];
  }
}

type Ending = Pick<WatchResult, 'cause' | 'exit'> & { kill: Pick<WatchResult['kill'], 'limitHits'> };

interface MemoryFound {
  /** How often the kernel's out-of-memory killer struck anywhere on the machine while the stage ran. */
  readonly machineOomKills: number;
  /** What the stage's processes were seen to use at most, and what the stage was given. */
  readonly memory: { readonly peakBytes: number; readonly limitBytes: number };
}

/**
 * Names the cause by what was measured of the stage alone. An exit status never proves lack of memory, processes or disk:
 * the first two take the counts of the stage's own control group, the third an output folder beyond its quota. Without a
 * control group, lack of memory takes a kill by the kernel and a stage that was seen beyond what it was given.
 */
export function causeOf(
  { cause, exit, kill: { limitHits } }: Ending,
  found: MemoryFound & { readonly diskFull: boolean },
): StageRecord['ended'] {
  if (cause === 'memory') return 'out-of-memory';
  if (cause !== 'exited' || exit.exitCode === 0) return cause;
  if (limitHits === null ? wasKilledBeyond(exit, found) : isOutOfMemory(limitHits)) return 'out-of-memory';
  if (limitHits !== null && limitHits.processesRefused > 0) return 'too-many-processes';
  return found.diskFull ? 'disk-full' : 'exited';
}

function wasKilledBeyond(
  { exitCode, signal }: Ending['exit'],
  { machineOomKills, memory }: MemoryFound,
): boolean {
  const wasKilled = signal === 'SIGKILL' || exitCode === 137;
  return wasKilled && machineOomKills > 0 && memory.peakBytes > memory.limitBytes;
}

/**
 * What of this machine failed a stage, as a sentence; null where the stage ended well or failed by itself. Memory and
 * disk of the whole machine can be used up by anybody: where that happened while a stage failed, and nothing shows that
 * the stage had used up its own share, the stage is not to blame.
 * @param found.machineDiskFull whether the disk of the run was full, with the stage's own files within their quota
 */
export function faultOfMachine(
  { cause, exit, kill: { limitHits } }: Ending,
  { machineOomKills, memory, machineDiskFull }: MemoryFound & { readonly machineDiskFull: boolean },
): string | null {
  if (cause !== 'exited' || exit.exitCode === 0) return null;
  if (limitHits !== null && limitHits.outOfMemoryKills > 0 && !isOutOfMemory(limitHits)) {
    return `the machine ran out of memory and the kernel killed ${limitHits.outOfMemoryKills} of its processes, which had memory left of what they were given`;
  }
  if (limitHits === null && machineOomKills > 0 && memory.peakBytes <= memory.limitBytes) {
    return `the kernel's out-of-memory killer struck ${machineOomKills} times on this machine while it ran and failed; it was seen to use ${memory.peakBytes} of the ${memory.limitBytes} bytes that it was given`;
  }
  return machineDiskFull ? 'the disk of the run was full, while its own output was within its quota' : null;
}

function limitNotes(
  { stage, limits }: StagePlan,
  { kill: { limitHits } }: WatchResult,
  beyondQuota: boolean,
): string[] {
  const notes: string[] = [];
  if (isOutOfMemory(limitHits)) {
    notes.push(`${stage}: killed for lack of memory ${limitHits!.outOfMemoryKills} times (control group)`);
  }
  if (limitHits !== null && limitHits.processesRefused > 0) {
    notes.push(
      `${stage}: refused a new process or thread ${limitHits.processesRefused} times (control group)`,
    );
  }
  if (beyondQuota) {
    notes.push(
      `${stage}: held more than ${limits.outBytes} bytes or ${limits.outFiles} files in its output folder, more than ${limits.workBytes} bytes in its scratch folder, or a folder that is shut or too deep to be looked at; nothing of it is used`,
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

function logNotes(stage: RunStage, log: CapturedLog, name: string): string[] {
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
    diskFull: false,
    beyondQuota: false,
    machineFault: null,
    notes: [`${plan.stage}: could not be started: ${reason}`],
  };
}
