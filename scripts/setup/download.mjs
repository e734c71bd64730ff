import { createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createProgressBar } from './report.mjs';

const attempts = 4;
const stallMilliseconds = 60_000;

/**
 * Downloads a file over HTTP and resumes an earlier attempt, also of an earlier run. The partial download is in
 * `target` + ".partial". The caller checks that it is the right file.
 * @param {string} url
 * @param {string} target
 * @param {number | undefined} bytes  the expected size, for the bar if the server does not report it
 * @throws if the last attempt failed, with the reason
 */
export async function download(url, target, bytes) {
  const partial = `${target}.partial`;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await fetchRest(url, partial, bytes);
      renameSync(partial, target);
      return;
    } catch (error) {
      if (attempt === attempts || error.final || error.code === 'ENOSPC') throw error;
      await new Promise((wake) => setTimeout(wake, 500 * 2 ** attempt));
    }
  }
}

async function fetchRest(url, partial, bytes) {
  const have = existsSync(partial) ? statSync(partial).size : 0;
  const stalled = new AbortController();
  let timer = setTimeout(() => stalled.abort(), stallMilliseconds);
  try {
    const response = await fetch(url, {
      headers: have > 0 ? { range: `bytes=${have}-` } : {},
      signal: stalled.signal,
    });
    if (response.status === 416) {
      rmSync(partial);
      throw new Error('the partial download does not match the file');
    }
    if (!response.ok) {
      const error = new Error(`${url} answered ${response.status} ${response.statusText}`);
      error.final = response.status < 500;
      throw error;
    }
    const resumed = response.status === 206;
    let done = resumed ? have : 0;
    const left = Number(response.headers.get('content-length')) || undefined;
    const total = left === undefined ? bytes : done + left;
    const bar = createProgressBar(total ?? Number.POSITIVE_INFINITY);
    await pipeline(
      Readable.fromWeb(response.body),
      async function* count(chunks) {
        for await (const chunk of chunks) {
          clearTimeout(timer);
          timer = setTimeout(() => stalled.abort(), stallMilliseconds);
          done += chunk.length;
          bar.update(done);
          yield chunk;
        }
      },
      createWriteStream(partial, { flags: resumed ? 'a' : 'w' }),
    ).finally(() => bar.stop());
    if (total !== undefined && done < total)
      throw new Error(`the connection closed after ${done} of ${total} bytes`);
  } catch (error) {
    if (stalled.signal.aborted) throw new Error(`no data for ${stallMilliseconds / 1000} s`);
    throw error.cause?.code && !error.code
      ? Object.assign(error.cause, { message: String(error.cause.message) })
      : error;
  } finally {
    clearTimeout(timer);
  }
}
