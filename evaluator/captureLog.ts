import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { freshFile } from './freshFile.ts';

export interface CapturedLog {
  /** Bytes that the entry wrote, also those that were not kept. */
  readonly bytes: number;
  /** Why the log is not complete on disk; null when it is. */
  readonly fault: string | null;
}

/**
 * Reads a stream to its end and keeps its first and its last `capBytes / 2` in a file: how a log begins and how it
 * ends is what people read. Reading never waits for the disk, so an entry cannot be slowed by its own log.
 */
export async function captureLog(stream: Readable, path: string, capBytes: number): Promise<CapturedLog> {
  const half = Math.ceil(capBytes / 2);
  const file = freshFile(path);
  let fault: string | null = null;
  file.on('error', (error) => {
    fault = error.message;
  });
  let bytes = 0;
  let tail: Buffer[] = [];
  let tailBytes = 0;

  stream.on('data', (chunk: Buffer) => {
    const room = Math.max(0, half - bytes);
    bytes += chunk.length;
    if (room > 0 && fault === null) file.write(chunk.subarray(0, room));
    if (chunk.length <= room) return;
    tail.push(chunk.subarray(room));
    tailBytes += chunk.length - room;
    while (tailBytes - tail[0]!.length >= half) tailBytes -= tail.shift()!.length;
  });
  await finished(stream).catch(() => {});

  const rest = Buffer.concat(tail);
  const kept = rest.subarray(Math.max(0, rest.length - half));
  tail = [];
  const left = bytes - Math.min(bytes, half) - kept.length;
  if (left > 0 && fault === null) file.write(`\n[haet: ${left} bytes left out]\n`);
  if (fault === null) file.write(kept);
  file.end();
  await finished(file).catch((error: Error) => {
    fault ??= error.message;
  });
  return { bytes, fault };
}
