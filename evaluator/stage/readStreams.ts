import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Limits, ProgressLine } from '../contract.ts';
import type { RunRecord, RunStage } from '../run/record.ts';
import type { RunningStage } from '../sandbox/sandbox.ts';
import { type CapturedLog, captureLog } from './captureLog.ts';
import { readProgress } from './readProgress.ts';

export const noProgress: RunRecord['progress'] = { lines: 0, rejected: 0, last: null };

/** All that a stage wrote to its streams. */
export interface StreamsRead {
  readonly stdout: CapturedLog;
  readonly stderr: CapturedLog;
  readonly progress: RunRecord['progress'];
}

/** How long the streams of a stage that is over may take to end. */
const patienceMs = 2000;

/**
 * Reads the streams of a stage into files of a folder, from now on.
 * @returns `finish`, to be called when the stage is over: resolves when all is read
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
      // A process that escaped the sandbox could hold a stream open for ever: no process, no more to read.
      await Promise.race([reading, patient]);
      patience.abort();
      for (const stream of [running.stdout, running.stderr, running.progress]) stream?.destroy();
      const [stdout, stderr, progress] = await reading;
      return { stdout, stderr, progress };
    },
  };
}
