import type { RunStage } from '../run/record.ts';
import type { StageLimits } from '../sandbox/sandbox.ts';
import type { CapturedLog } from './captureLog.ts';
import { isOutOfMemory } from './outOfMemory.ts';
import type { WatchResult } from './watchdog.ts';

/** What of a stage is told in sentences. */
export interface StageFindings {
  readonly stage: RunStage;
  readonly limits: StageLimits;
  readonly watched: WatchResult;
  readonly stdout: CapturedLog;
  readonly stderr: CapturedLog;
  readonly beyondQuota: boolean;
  /** What of its output could not be kept, in the words of the first complaint; null when all was. */
  readonly lost: string | null;
  /** Memory that it held when it was ended for it; null where it was not. */
  readonly memoryFoundBytes: number | null;
}

/** Returns further facts for the record, one sentence each. */
export function stageNotes(found: StageFindings): string[] {
  return [
    ...logNote(found.stdout, 'standard output'),
    ...logNote(found.stderr, 'standard error'),
    ...limitNotes(found),
    ...memoryNote(found),
    ...(found.lost === null ? [] : [`not all that it left could be kept (${found.lost})`]),
    ...killNote(found),
  ].map((note) => `${found.stage}: ${note}`);
}

function logNote({ fault }: CapturedLog, name: string): string[] {
  return fault === null ? [] : [`the log of its ${name} is not complete (${fault})`];
}

function limitNotes({ limits, watched, beyondQuota }: StageFindings): string[] {
  const { limitHits } = watched.kill;
  const notes: string[] = [];
  if (isOutOfMemory(limitHits)) {
    notes.push(`killed for lack of memory ${limitHits!.outOfMemoryKills} times (control group)`);
  }
  if (limitHits !== null && limitHits.processesRefused > 0) {
    notes.push(`refused a new process or thread ${limitHits.processesRefused} times (control group)`);
  }
  if (beyondQuota) {
    notes.push(
      `held more than ${limits.outBytes} bytes or ${limits.outFiles} files in its output folder, more than ${limits.workBytes} bytes in its scratch folder, or a folder that is shut or too deep to be looked at; nothing of it is used`,
    );
  }
  return notes;
}

function memoryNote({ limits, watched, memoryFoundBytes }: StageFindings): string[] {
  if (watched.cause !== 'memory') return [];
  return [`held ${memoryFoundBytes} bytes of memory, and was given ${limits.memoryBytes}: it was ended`];
}

function killNote({ watched: { cause, kill } }: StageFindings): string[] {
  if (cause !== 'exited' || kill.processesKilled === 0) return [];
  return [`left ${kill.processesKilled} processes running, which were killed`];
}
