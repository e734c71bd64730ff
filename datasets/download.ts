import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { setTimeout as sleep } from 'node:timers/promises';
import { moveIntoPlace } from './atomicWrite.ts';
import { describeFault } from './describeFault.ts';
import { UserError } from './userError.ts';

export interface DownloadOptions {
  readonly url: string;
  /** Target path; the file appears there only when it is complete and its checksum matches. */
  readonly path: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly onProgress?: (received: number, total: number) => void;
  /** Seconds to wait for the server's response. Default 5. */
  readonly answerSeconds?: number;
  /** Seconds without a byte after which a connection is closed. Default 30. */
  readonly silenceSeconds?: number;
  /** Seconds before the first retry after a connection without data; doubled for each retry. Default 0.5. */
  readonly pauseSeconds?: number;
}

/** Consecutive connections without data after which a started download is abandoned. */
const ATTEMPTS = 4;

/** No byte was received: no network, no such host, or a proxy that refuses. */
export class Unreachable extends UserError {
  override readonly name = 'Unreachable';
}

/**
 * Downloads a file of known size and checksum. Resumes from `path`.part after an interrupted download or a broken
 * connection, by an HTTP range request (RFC 9110, section 14).
 *
 * @throws Unreachable if no connection delivered data
 * @throws UserError if it fails too often, or the file is not the expected one
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { url, path, bytes, pauseSeconds = 0.5 } = options;
  const part = `${path}.part`;
  await mkdir(dirname(path), { recursive: true }).catch((error) => {
    throw new UserError({
      path: dirname(path),
      reason: `cannot be created (${describeFault(error)})`,
      remedy: 'Set HAET_CACHE to a writable folder.',
    });
  });
  if ((await sizeOf(part)) > bytes) await rm(part);

  const before = await sizeOf(part);
  let barren = 0;
  for (let have = before; have < bytes; ) {
    const fault = await receive(options, part, have).then(() => null, asFault);
    if (fault instanceof UserError) throw fault;
    const now = await sizeOf(part);
    barren = now > have ? 0 : barren + 1;
    have = now;
    if (barren === 0) continue;
    const reason =
      fault === null ? 'the server closed the response early' : describeFault(fault.cause ?? fault);
    if (have === before) {
      throw new Unreachable(`${url} cannot be reached (${reason}). Check the network, or use a local copy.`);
    }
    if (barren === ATTEMPTS) {
      throw new UserError({
        path: url,
        reason: `the download stopped at ${have} of ${bytes} bytes (${reason})`,
        remedy: 'Run the command again to resume.',
      });
    }
    await sleep(1000 * pauseSeconds * 2 ** (barren - 1));
  }
  await accept(options, part);
}

/** Makes one connection and appends its data to `part`, from byte `have` on. */
async function receive(options: DownloadOptions, part: string, have: number): Promise<void> {
  const { url, bytes, onProgress, answerSeconds = 5, silenceSeconds = 30 } = options;
  const patience = new AbortController();
  const giveUpAfter = (seconds: number) =>
    setTimeout(() => patience.abort(new Error(`no data for ${seconds} s`)), seconds * 1000);
  let timer = giveUpAfter(answerSeconds);
  try {
    const answer = await fetch(url, {
      // `identity`: a body compressed by a proxy could not be resumed at the requested byte.
      headers: { 'accept-encoding': 'identity', ...(have > 0 ? { range: `bytes=${have}-` } : {}) },
      signal: patience.signal,
    });
    if (!answer.ok || answer.body === null) {
      throw new Error(`the server answered ${answer.status} ${answer.statusText}`.trim());
    }
    // A server without range support answers 200 with the whole file.
    const resumed = answer.status === 206 && startsAt(answer.headers.get('content-range'), have);
    if (answer.status === 206 && !resumed)
      throw new Error('the server sent a different range than requested');
    let received = resumed ? have : 0;
    const file = await open(part, resumed ? 'a' : 'w');
    try {
      for await (const chunk of Readable.fromWeb(
        answer.body as ReadableStream,
      ) as AsyncIterable<Uint8Array>) {
        clearTimeout(timer);
        timer = giveUpAfter(silenceSeconds);
        received += chunk.length;
        if (received > bytes)
          throw new UserError({ path: url, reason: `sends more than the expected ${bytes} bytes.` });
        await write(file, chunk, part);
        onProgress?.(received, bytes);
      }
    } finally {
      await file.close();
    }
  } finally {
    clearTimeout(timer);
  }
}

async function write(file: Awaited<ReturnType<typeof open>>, chunk: Uint8Array, part: string): Promise<void> {
  try {
    await file.writeFile(chunk);
  } catch (error) {
    throw new UserError({
      path: part,
      reason: `cannot be written (${describeFault(error)})`,
      remedy: 'Free some space, or set HAET_CACHE to another folder, and run the command again.',
    });
  }
}

async function accept({ url, path, sha256 }: DownloadOptions, part: string): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(part), hash);
  const got = hash.digest('hex');
  if (got !== sha256) {
    await rm(part);
    throw new UserError({
      path: url,
      reason: `sha256 is ${got}, expected ${sha256}`,
      remedy: 'The file was deleted. Run the command again, or use a local copy.',
    });
  }
  await moveIntoPlace(part, path);
}

function startsAt(contentRange: string | null, byte: number): boolean {
  return contentRange !== null && new RegExp(`^bytes ${byte}-`).test(contentRange);
}

function asFault(error: unknown): Error & { cause?: unknown } {
  return error instanceof Error ? error : new Error(String(error));
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
