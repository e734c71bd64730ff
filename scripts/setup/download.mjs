import { createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createProgressBar, say } from './report.mjs';

const attempts = 4;
const stallMilliseconds = 60_000;

/** Codes of certificates that Node does not trust. */
const certificate = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/;
/** Codes of faults that a retry cannot fix. */
const lasting = new RegExp(`^(?:ENOSPC|EDQUOT|EROFS|EACCES|ERR_INVALID_URL)$|${certificate.source}`);

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
      if (attempt === attempts || error.final || lasting.test(error.code)) throw error;
      say(`${error.message}; trying again ...`);
      await new Promise((wake) => setTimeout(wake, 500 * 2 ** attempt));
    }
  }
}

/**
 * Says why a download failed, and what helps.
 * @param {Error & { code?: string, status?: number }} error  of `download`
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ reason: string, remedy: string | null }}
 */
export function explainDownload({ message, code = '', status }, env) {
  const reason = `direct download: ${message}`;
  if (code === 'ERR_INVALID_URL' || /not implemented|unknown scheme/.test(message)) {
    return { reason, remedy: 'set HAET_TENSORFLOW_URL to the https:// URL of a folder' };
  }
  if (certificate.test(code)) {
    return { reason, remedy: 'name the certificate of your proxy in NODE_EXTRA_CA_CERTS' };
  }
  if (status !== undefined) {
    return {
      reason,
      remedy:
        status >= 500 ? 'wait until the server works again' : 'name another folder in HAET_TENSORFLOW_URL',
    };
  }
  const proxy = env.https_proxy || env.HTTPS_PROXY || env.all_proxy || env.ALL_PROXY;
  if (proxy) return { reason: `${reason}, without the proxy, which only pip uses`, remedy: null };
  return { reason, remedy: 'check the network' };
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
      error.status = response.status;
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
    const { cause } = error;
    if (!cause || error.code) throw error;
    // The message of an AggregateError is empty.
    throw Object.assign(cause, { message: cause.message || `${cause.code} ${new URL(url).host}` });
  } finally {
    clearTimeout(timer);
  }
}
