import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type Limits, type ProgressLine, progressLineSchema } from '../contract.ts';
import type { RunRecord } from '../run/record.ts';
import { freshFile } from './freshFile.ts';

/**
 * Reads progress lines to the end of the stream: valid ones go to `onLine` and, with `atSeconds` of our clock added,
 * to a file; the rest is counted and dropped. Progress lines are untrusted: length and rate are limited, and our
 * fields overwrite fields of the same name.
 * @param startedAt milliseconds of `performance.now()`
 */
export async function readProgress(
  stream: Readable,
  path: string,
  startedAt: number,
  limits: Pick<Limits, 'progressLineBytes' | 'progressLinesPerSecond'>,
  onLine: (line: ProgressLine, atSeconds: number) => void,
): Promise<RunRecord['progress']> {
  const progress: RunRecord['progress'] = { lines: 0, rejected: 0, last: null };
  const file = freshFile(path);
  let fault = false;
  file.on('error', () => {
    fault = true;
  });
  let second = -1;
  let inThisSecond = 0;

  /** Whether another line is accepted in this second. */
  const mayTake = () => {
    const now = Math.floor((performance.now() - startedAt) / 1000);
    if (now !== second) {
      second = now;
      inThisSecond = 0;
    }
    return inThisSecond < limits.progressLinesPerSecond;
  };
  await eachLine(
    stream,
    limits.progressLineBytes,
    mayTake,
    (text) => {
      inThisSecond++;
      const line = text === null ? null : parseLine(text);
      if (line === null) {
        progress.rejected++;
        return;
      }
      const atSeconds = (performance.now() - startedAt) / 1000;
      progress.lines++;
      progress.last = knownFields(line);
      if (!fault) file.write(`${JSON.stringify({ ...line, atSeconds })}\n`);
      onLine(line, atSeconds);
    },
    (count) => {
      progress.rejected += count;
    },
  );
  file.end();
  await finished(file).catch(() => {});
  return progress;
}

/** Fields kept in the record; other fields could be arbitrarily large. */
function knownFields({ step, epoch, loss, accuracy, imagesPerSecond, engine }: ProgressLine): ProgressLine {
  return {
    step,
    epoch,
    ...(loss !== undefined && { loss }),
    ...(accuracy !== undefined && { accuracy }),
    ...(imagesPerSecond !== undefined && { imagesPerSecond }),
    ...(engine !== undefined && { engine }),
  };
}

function parseLine(text: string): ProgressLine | null {
  try {
    return progressLineSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/**
 * Calls back with each line, or null for one longer than the limit; an unterminated last line is dropped. Over the
 * rate limit, lines are only counted, so that a flood of empty lines at a gigabyte per second does not delay the
 * clock.
 */
async function eachLine(
  stream: Readable,
  capBytes: number,
  mayTake: () => boolean,
  onLine: (text: string | null) => void,
  onSkipped: (count: number) => void,
): Promise<void> {
  let held: Buffer = Buffer.alloc(0);
  let tooLong = false;
  stream.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0 && mayTake(); end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([held, chunk.subarray(from, end)]);
      onLine(tooLong || line.length > capBytes ? null : line.toString('utf8'));
      held = Buffer.alloc(0);
      tooLong = false;
      from = end + 1;
    }
    const lastEnd = chunk.lastIndexOf(10);
    if (lastEnd >= from) {
      onSkipped(countLines(chunk, from, lastEnd));
      held = Buffer.alloc(0);
      tooLong = false;
      from = lastEnd + 1;
    }
    const rest = chunk.subarray(from);
    tooLong ||= held.length + rest.length > capBytes;
    held = tooLong ? Buffer.alloc(0) : Buffer.concat([held, rest]);
  });
  await finished(stream).catch(() => {});
}

/** Counts newlines in a range, both ends included; a plain loop takes a tenth of the time of a search per line. */
function countLines(bytes: Buffer, from: number, to: number): number {
  let count = 0;
  for (let at = from; at <= to; at++) if (bytes[at] === 10) count++;
  return count;
}
