import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Limits, ProgressLine } from '../contract.ts';
import type { RunRecord, RunStage } from '../run/record.ts';
import type { RunningStage } from '../sandbox/sandbox.ts';
import { type CapturedLog, captureLog } from './captureLog.ts';
import { readProgress } from './readProgress.ts';

export const noProgress: RunRecord['progress'] = { lines: 0, rejected: 0, last: null };

/** Content of a stage's streams. */
export interface StreamsRead {
  readonly stdout: CapturedLog;
  readonly stderr: CapturedLog;
  readonly progress: RunRecord['progress'];
}

/** Time for the streams to end after the stage has ended. */
const patienceMs = 2000;

/**
 * Starts reading the streams of a stage into files of a folder.
 * @returns `finish`: call it when the stage has ended; it resolves when everything is read
 */
export function readStreams(
  running: RunningStage,
  to: {
    readonly stage: RunStage;
    readonly folder: string;
    readonly limits: Limits;
    readonly onProgress?: ((line: ProgressLine, atSeconds: number) => void) | undefined;
  },
): { finish(): Promise<StreamsRead> } {
  const log = (stream: Readable, name: string) =>
    captureLog(stream, join(to.folder, `${to.stage}.${name}.log`), to.limits.logBytes);
  const reading = Promise.all([
    log(running.stdout, 'stdout'),
    log(running.stderr, 'stderr'),
    running.progress === null
      ? noProgress
      : readProgress(
          running.progress,
          join(to.folder, 'progress.jsonl'),
          running.startedAt,
          to.limits,
          to.onProgress ?? (() => {}),
        ),
  ]);
  return {
    async finish() {
      const patience = new AbortController();
      const patient = sleep(patienceMs, undefined, { signal: patience.signal }).catch(() => {});
      // An escaped process could keep a stream open, so reading stops when the stage's processes are gone.
      await Promise.race([reading, patient]);
      patience.abort();
      for (const stream of [running.stdout, running.stderr, running.progress]) stream?.destroy();
      const [stdout, stderr, progress] = await reading;
      return { stdout, stderr, progress };
    },
  };
}
