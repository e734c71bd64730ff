import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { download, Unreachable } from '../../datasets/download.ts';
import { locateCifar10 } from '../../datasets/locateCifar10.ts';
import { UserError } from '../../datasets/userError.ts';
import { temporaryFolder } from './temporaryFolder.ts';

const folder = temporaryFolder();
const content = randomBytes(300_000);
const sha256 = createHash('sha256').update(content).digest('hex');

let close = async () => {};
afterEach(() => close());

/** Starts a server of one file; `answer` decides how to answer each request, counted from 0. */
async function serve(
  answer: (response: ServerResponse, request: IncomingMessage, count: number) => void,
): Promise<{ url: string; ranges: (string | undefined)[] }> {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    answer(response, request, ranges.length - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`, ranges };
}

/** Sends the bytes from the start of the range; breaks the connection after `most` bytes. */
function send(response: ServerResponse, request: IncomingMessage, most = content.length): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const rest = content.subarray(start);
  response.writeHead(start > 0 ? 206 : 200, {
    'content-length': rest.length,
    ...(start > 0 ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
  });
  if (rest.length <= most) response.end(rest);
  else response.write(rest.subarray(0, most), () => setTimeout(() => response.destroy(), 50));
}

const target = () => join(folder.path, 'cache', 'file.bin');
const options = (url: string) => ({ url, path: target(), bytes: content.length, sha256, pauseSeconds: 0.01 });

test('resumes a broken connection from the byte where it broke', async () => {
  const { url, ranges } = await serve((response, request) => send(response, request, 100_000));
  const seen: number[] = [];
  await download({ ...options(url), onProgress: (received) => seen.push(received) });
  expect((await readFile(target())).equals(content)).toBe(true);
  expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=200000-']);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(seen.at(-1)).toBe(content.length);
  expect(await readdir(join(folder.path, 'cache'))).toEqual(['file.bin']);
});

test('resumes the download of an earlier run', async () => {
  const { url, ranges } = await serve((response, request) => send(response, request));
  await mkdir(join(folder.path, 'cache'));
  await writeFile(`${target()}.part`, content.subarray(0, 123_456));
  await download(options(url));
  expect(ranges).toEqual(['bytes=123456-']);
  expect((await readFile(target())).equals(content)).toBe(true);
});

test('requests the whole file from a server that does not support ranges', async () => {
  const { url, ranges } = await serve((response, request, count) => {
    if (count === 0) return send(response, request, 100_000);
    response.end(content);
  });
  await download(options(url));
  expect(ranges).toHaveLength(2);
  expect((await readFile(target())).equals(content)).toBe(true);
});

test('retries after a temporary server error', async () => {
  const { url } = await serve((response, request, count) => {
    if (count === 1) return response.writeHead(503).end();
    send(response, request, 200_000);
  });
  await download(options(url));
  expect((await readFile(target())).equals(content)).toBe(true);
});

describe('fails and leaves no file under the requested name:', () => {
  test('other content of the same size, which is removed', async () => {
    const { url } = await serve((response) => response.end(randomBytes(content.length)));
    await expect(download(options(url))).rejects.toThrow(/sha256 is/);
    expect(await readdir(join(folder.path, 'cache'))).toEqual([]);
  });

  test('more bytes than expected', async () => {
    const { url } = await serve((response) => response.end(Buffer.alloc(content.length + 1)));
    await expect(download(options(url))).rejects.toThrow(/sends more than the expected 300000 bytes/);
    expect(await readdir(join(folder.path, 'cache'))).not.toContain('file.bin');
  });

  test('a download that stops for good; the partial download is kept for the next run', async () => {
    const { url } = await serve((response, request, count) =>
      count === 0 ? send(response, request, 100_000) : response.destroy(),
    );
    await expect(download(options(url))).rejects.toThrow(
      /the download stopped at 100000 of 300000 bytes.*to resume/,
    );
    expect(await readdir(join(folder.path, 'cache'))).toEqual(['file.bin.part']);
  });

  test('a server that stops sending', async () => {
    const { url } = await serve((response) => response.writeHead(200).flushHeaders());
    await expect(download({ ...options(url), silenceSeconds: 0.2, answerSeconds: 0.2 })).rejects.toThrow(
      /no data for 0\.2 s/,
    );
  });

  test('no server, or an answer that is not a file', async () => {
    const { url } = await serve((response) => response.writeHead(403).end('no'));
    await expect(download(options(url))).rejects.toThrow(
      /cannot be reached \(the server answered 403 Forbidden\)/,
    );
    await close();
    close = async () => {};
    await expect(download(options(url))).rejects.toThrow(Unreachable);
  });

  test('a cache folder that cannot be created', async () => {
    await writeFile(join(folder.path, 'cache'), 'a file');
    await expect(download(options('http://127.0.0.1:1/'))).rejects.toThrow(/Set HAET_CACHE to/);
  });
});

describe('CIFAR-10 is found', () => {
  const env = () => ({ HAET_CACHE: join(folder.path, 'cache'), HOME: join(folder.path, 'home') });
  const archive = () => join(folder.path, 'cache', 'cifar-10-binary.tar.gz');

  test('in the path of --from, before all others', async () => {
    const from = join(folder.path, 'mine.tar.gz');
    await writeFile(from, '');
    expect(await locateCifar10({ from, env: { ...env(), HAET_CIFAR10: '/nowhere' } })).toEqual({
      path: from,
      how: 'named',
    });
  });

  test('in the path of HAET_CIFAR10, before the cache', async () => {
    const file = join(folder.path, 'mine.tar.gz');
    await writeFile(file, '');
    await mkdir(join(folder.path, 'cache'));
    await writeFile(archive(), '');
    expect(await locateCifar10({ env: { ...env(), HAET_CIFAR10: file } })).toEqual({
      path: file,
      how: 'HAET_CIFAR10',
    });
    expect(await locateCifar10({ env: env() })).toEqual({ path: archive(), how: 'cache' });
  });

  test('by a download into the cache, once', async () => {
    const { url, ranges } = await serve((response, request) => send(response, request));
    const remote = { url, bytes: content.length, sha256 };
    expect(await locateCifar10({ env: env(), remote })).toEqual({ path: archive(), how: 'downloaded' });
    expect(await locateCifar10({ env: env(), remote })).toEqual({ path: archive(), how: 'cache' });
    expect(ranges).toHaveLength(1);
  });

  test('nowhere, and quickly, without a network', async () => {
    const remote = { url: 'http://127.0.0.1:1/x', bytes: 1, sha256 };
    const start = performance.now();
    expect(await locateCifar10({ env: env(), remote })).toBeNull();
    expect(performance.now() - start).toBeLessThan(6000);
  });

  test('where torchvision, Keras and the hub keep it, before a download', async () => {
    const remote = { url: 'http://127.0.0.1:1/x', bytes: 1, sha256 };
    const at = { env: env(), workingFolder: join(folder.path, 'here'), remote };
    const home = join(folder.path, 'home');
    const places = [
      'here/data/cifar-10-batches-py/data_batch_5',
      'here/data/cifar-10-python.tar.gz',
      'home/data/CIFAR10/cifar-10-batches-bin/data_batch_5.bin',
      'home/.keras/datasets/cifar-10-batches-py.tar.gz',
      'home/.cache/torch/datasets/vision/cifar10/cifar-10-python.tar.gz',
      'home/.cache/huggingface/hub/datasets--uoft-cs--cifar10/snapshots/0b2714/plain_text/train.parquet',
    ];
    for (const file of places) {
      await mkdir(dirname(join(folder.path, file)), { recursive: true });
      await writeFile(join(folder.path, file), '');
    }
    // An interrupted unpacking is passed over.
    await mkdir(join(folder.path, 'here/data/cifar-10-batches-bin'));
    const found: string[] = [];
    for (;;) {
      const located = await locateCifar10({ ...at, passedOver: found });
      if (located === null) break;
      expect(located.how).toBe('found');
      found.push(located.path);
    }
    expect(found).toEqual([
      join(folder.path, 'here/data/cifar-10-batches-py'),
      join(folder.path, 'here/data/cifar-10-python.tar.gz'),
      join(home, 'data/CIFAR10/cifar-10-batches-bin'),
      join(home, '.keras/datasets/cifar-10-batches-py.tar.gz'),
      join(home, '.cache/torch/datasets/vision/cifar10/cifar-10-python.tar.gz'),
      join(home, '.cache/huggingface/hub/datasets--uoft-cs--cifar10/snapshots/0b2714'),
    ]);
  });

  test('not in a path that was given and does not exist', async () => {
    await expect(locateCifar10({ from: join(folder.path, 'such'), env: env() })).rejects.toThrow(
      /--from .*such: does not exist/,
    );
    await expect(
      locateCifar10({ env: { ...env(), HAET_CIFAR10: join(folder.path, 'such') } }),
    ).rejects.toThrow(UserError);
  });
});
