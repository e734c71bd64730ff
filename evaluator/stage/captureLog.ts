import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { freshFile } from './freshFile.ts';

export interface CapturedLog {
  /** Bytes written by the entry, including those not kept. */
  readonly bytes: number;
  /** Why the log is not complete on disk; null if it is. */
  readonly fault: string | null;
}

/**
 * Reads a stream to its end and keeps the first and last `capBytes / 2` bytes in a file. Reading never waits for the
 * disk, so an entry is not slowed by its own log.
 */
export async function captureLog(stream: Readable, path: string, capBytes: number): Promise<CapturedLog> {
  const half = Math.ceil(capBytes / 2);
  const file = freshFile(path);
  let fault: string | null = null;
  file.on('error', (error) => {
    fault = error.message;
  });
  let bytes = 0;
  const tail = new Tail(half);

  stream.on('data', (chunk: Buffer) => {
    const room = Math.max(0, half - bytes);
    bytes += chunk.length;
    if (room > 0 && fault === null) file.write(chunk.subarray(0, room));
    if (chunk.length > room) tail.push(chunk.subarray(room));
  });
  await finished(stream).catch(() => {});

  const kept = tail.read();
  const left = bytes - Math.min(bytes, half) - kept.length;
  if (left > 0 && fault === null) file.write(`\n[haet: ${left} bytes omitted]\n`);
  if (fault === null) file.write(kept);
  file.end();
  await finished(file).catch((error: Error) => {
    fault ??= error.message;
  });
  return { bytes, fault };
}

/** Keeps the last bytes pushed, in a ring buffer, so that tiny chunks cost no extra memory or time. */
class Tail {
  readonly #size: number;
  /** Allocated at the first byte, because most logs never need it. */
  #ring: Buffer | null = null;
  /** Index of the next byte. */
  #next = 0;
  #isFull = false;

  /** @param size bytes, at least 1 */
  constructor(size: number) {
    this.#size = size;
  }

  push(chunk: Buffer): void {
    this.#ring ??= Buffer.alloc(this.#size);
    const last = chunk.subarray(Math.max(0, chunk.length - this.#size));
    const upToEnd = last.copy(this.#ring, this.#next);
    last.copy(this.#ring, 0, upToEnd);
    const end = this.#next + last.length;
    this.#isFull ||= end >= this.#size;
    this.#next = end % this.#size;
  }

  read(): Buffer {
    const ring = this.#ring ?? Buffer.alloc(0);
    const newest = ring.subarray(0, this.#next);
    return this.#isFull ? Buffer.concat([ring.subarray(this.#next), newest]) : newest;
  }
}
