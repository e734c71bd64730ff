import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readProgress } from '../../../evaluator/stage/readProgress.ts';
import { temporaryFolder } from '../fixtures.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const limits = { progressLineBytes: 100, progressLinesPerSecond: 3 };
const line = (step: number) => `${JSON.stringify({ step, epoch: 1 })}\n`;

function start() {
  const stream = new PassThrough({ highWaterMark: 2 ** 30 });
  const seen: number[] = [];
  const path = join(folder, 'progress.jsonl');
  const done = readProgress(stream, path, performance.now(), limits, ({ step }) => seen.push(step));
  return { stream, seen, path, done };
}

test('lines beyond the rate are counted, also split across chunks, and those of the next second are accepted', async () => {
  const { stream, seen, path, done } = start();
  stream.write(`${[1, 2, 3, 4, 5].map(line).join('')}{"step": 6,`);
  stream.write(' "epoch": 1}\n');
  await sleep(1100);
  stream.write(line(7).slice(0, 5));
  stream.end(line(7).slice(5));
  expect(await done).toEqual({ lines: 4, rejected: 3, last: { step: 7, epoch: 1 } });
  expect(seen).toEqual([1, 2, 3, 7]);
  expect((await readFile(path, 'utf8')).trim().split('\n')).toHaveLength(4);
});

test('the record keeps the known fields of the last line, the file all of them', async () => {
  const { stream, path, done } = start();
  stream.end('{"step": 1, "epoch": 2, "engine": "native-avx2", "more": [[[["deep"]]]]}\n');
  expect((await done).last).toEqual({ step: 1, epoch: 2, engine: 'native-avx2' });
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ more: [[[['deep']]]] });
});

test('a line longer than the cap is rejected, also beyond the rate, and the next one is accepted', async () => {
  const { stream, seen, done } = start();
  stream.write('x'.repeat(500));
  stream.write(`x\n${line(1)}`);
  stream.end(line(2));
  expect(await done).toEqual({ lines: 2, rejected: 1, last: { step: 2, epoch: 1 } });
  expect(seen).toEqual([1, 2]);
});

test('a flood of empty lines is counted without delaying the clock', async () => {
  const { stream, done } = start();
  const flood = Buffer.alloc(2 ** 16, '\n');
  const chunks = 2000; // some 130 million lines: a search and a buffer per line would take a minute
  const cpuMs = () => process.cpuUsage().user / 1000; // wall time would count other programs
  let latest = 0;
  let before = cpuMs();
  for (let chunk = 0; chunk < chunks; chunk++) {
    stream.write(flood);
    if (chunk % 32 !== 31) continue;
    await sleep(0);
    latest = Math.max(latest, cpuMs() - before);
    before = cpuMs();
  }
  stream.end();
  expect((await done).rejected).toBe(chunks * 2 ** 16);
  expect(latest).toBeLessThan(500);
});
