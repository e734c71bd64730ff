import type { RunStage } from '../run/record.ts';
import type { StageLimits } from '../sandbox/sandbox.ts';
import type { CapturedLog } from './captureLog.ts';
import { isOutOfMemory } from './outOfMemory.ts';
import type { WatchResult } from './watchdog.ts';

/** Facts about a stage for the notes. */
export interface StageFindings {
  readonly stage: RunStage;
  readonly limits: StageLimits;
  readonly watched: WatchResult;
  readonly stdout: CapturedLog;
  readonly stderr: CapturedLog;
  readonly beyondQuota: boolean;
  /** Why some of its output could not be kept, from the first error; null if everything was kept. */
  readonly lost: string | null;
  /** Memory that it used when it was stopped for it; null if it was not. */
  readonly memoryFoundBytes: number | null;
}

/** Returns further facts for the record, one sentence each. */
export function stageNotes(found: StageFindings): string[] {
  return [
    ...logNote(found.stdout, 'standard output'),
    ...logNote(found.stderr, 'standard error'),
    ...limitNotes(found),
    ...memoryNote(found),
    ...(found.lost === null ? [] : [`some of its output could not be kept (${found.lost})`]),
  ].map((note) => `${found.stage}: ${note}`);
}

function logNote({ fault }: CapturedLog, name: string): string[] {
  return fault === null ? [] : [`the log of its ${name} is not complete (${fault})`];
}

function limitNotes({ limits, watched, beyondQuota }: StageFindings): string[] {
  const { limitHits } = watched.kill;
  const notes: string[] = [];
  if (isOutOfMemory(limitHits)) {
    notes.push(`killed by the out-of-memory killer ${limitHits!.outOfMemoryKills} times (control group)`);
  }
  if (limitHits !== null && limitHits.processesRefused > 0) {
    notes.push(`was refused a new process or thread ${limitHits.processesRefused} times (control group)`);
  }
  if (beyondQuota) {
    notes.push(
      `exceeded ${limits.outBytes} bytes or ${limits.outFiles} files in its output folder or ${limits.workBytes} bytes in its scratch folder, or made a folder that cannot be read; its output is not used`,
    );
  }
  return notes;
}

function memoryNote({ limits, watched, memoryFoundBytes }: StageFindings): string[] {
  if (watched.cause !== 'memory') return [];
  return [`used ${memoryFoundBytes} bytes of memory, limit ${limits.memoryBytes}, and was stopped`];
}
