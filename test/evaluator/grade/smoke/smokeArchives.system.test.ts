import { copyFile, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { listArchives } from '../../../../evaluator/grade/listArchives.ts';
import { type SmokeResult, smokeArchives } from '../../../../evaluator/grade/smoke/smokeArchives.ts';
import { packEntry } from '../../../../evaluator/intake/packEntry.ts';
import type { RunTrack } from '../../../../evaluator/run/runTrack.ts';
import { openRunTrack } from '../../../../evaluator/run/runTrack.ts';
import { createProcessSandbox } from '../../../../evaluator/sandbox/process/process.ts';
import type { Sandbox } from '../../../../evaluator/sandbox/sandbox.ts';
import { folderWithTrack, machine, makeEntry } from '../../fixtures.ts';

let folder: string;
let track: RunTrack;
let works: Sandbox;
let archives: string;
let out: string;
beforeAll(async () => {
  const made = await folderWithTrack();
  folder = made.folder;
  track = await openRunTrack(made.trackDir);
  works = await createProcessSandbox();
  archives = await mkdtemp(join(folder, 'archives-'));
  const put = async (file: string, train?: string) =>
    packEntry(await makeEntry(folder, train === undefined ? {} : { train }), join(archives, file));
  await put('good.tar.gz', 'echo hello; echo weights > "$HAET_OUT_DIR/model"; exec sleep 60');
  await put('crash.tar.gz', 'echo "no module named x" >&2; exit 3');
  await writeFile(join(archives, 'bad.tar'), 'junk');
});
beforeEach(async () => {
  out = await mkdtemp(join(folder, 'out-'));
});

async function smoke(change: { trainSeconds?: number; sandbox?: Sandbox; abort?: AbortController } = {}) {
  const said: string[] = [];
  const { archives: all } = await listArchives(archives);
  const results = await smokeArchives(
    { archives: all, track, outFolder: out, trainSeconds: change.trainSeconds ?? 1, seed: 1, machine },
    change.sandbox ?? works,
    {
      abort: (change.abort ?? new AbortController()).signal,
      starts: ({ file }) => said.push(`${file} starts`),
      ended: ({ file }, earlier) => said.push(`${file} ended${earlier ? ' earlier' : ''}`),
    },
  );
  return { said, results };
}
const inBrief = (results: SmokeResult[]) =>
  results.map(({ file, started, predicted, verdict }) => [file, started, predicted, verdict]);
const text = (...names: string[]) => readFile(join(out, ...names), 'utf8');

test('every archive gets a folder with its logs, whether it started and predicted, and neither score nor label', async () => {
  const { results } = await smoke();
  expect(inBrief(results)).toEqual([
    ['bad.tar', false, false, 'REJECTED_ARCHIVE'],
    ['crash.tar.gz', true, false, 'CRASHED'],
    ['good.tar.gz', true, true, 'SCORED_SALVAGED'],
  ]);
  expect((await readdir(out)).sort()).toEqual(['bad.tar', 'crash.tar.gz', 'good.tar.gz', 'smoke.csv']);
  expect(await text('crash.tar.gz', 'train.stderr.log')).toBe('no module named x\n');
  expect(await text('good.tar.gz', 'train.stdout.log')).toBe('hello\n');
  expect(await text('crash.tar.gz', 'result.txt')).toContain(
    'Its training started: yes\nIt wrote valid predictions: no',
  );
  expect(await text('bad.tar', 'result.txt')).toContain('Its training started: no');
  for (const file of ['bad.tar', 'crash.tar.gz', 'good.tar.gz']) {
    for (const name of await readdir(join(out, file))) {
      expect(name).toMatch(/^(result\.(json|txt)|(train|predict|predict-again)\.std(out|err)\.log)$/);
      expect(await text(file, name)).not.toMatch(/accuracy|correct|confusion|label/i);
    }
  }
  expect(await text('smoke.csv')).not.toMatch(/accuracy|correct|score/);
  // What was tried is not tried again; under other conditions it is.
  const again = await smoke();
  expect(again.said).toEqual([
    'bad.tar ended earlier',
    'crash.tar.gz ended earlier',
    'good.tar.gz ended earlier',
  ]);
  expect(again.results).toEqual(results);
  expect((await smoke({ trainSeconds: 0.5 })).said).toContain('crash.tar.gz starts');
});

test('a fault of this machine is told to nobody as a fault of the entry, and tried again', async () => {
  const fails: Sandbox = { ...works, start: () => Promise.reject(new Error('secret path /root/x')) };
  const { results } = await smoke({ sandbox: fails });
  expect(inBrief(results)).toEqual([['bad.tar', false, false, 'REJECTED_ARCHIVE']]);
  expect(await text('crash.tar.gz', 'result.txt')).not.toContain('secret path');
  expect((await smoke()).said).toContain('crash.tar.gz starts');
});

test('a stop leaves no folder for the archive that was stopped, and nothing of its run', async () => {
  const abort = new AbortController();
  const stops: Sandbox = {
    ...works,
    start: (spec) => {
      abort.abort();
      return works.start(spec);
    },
  };
  expect(inBrief((await smoke({ sandbox: stops, abort })).results)).toEqual([
    ['bad.tar', false, false, 'REJECTED_ARCHIVE'],
  ]);
  expect((await readdir(out)).sort()).toEqual(['bad.tar', 'smoke.csv']);
});

test.each(['runs', 'public', 'grading.json'])(
  'a folder with %s of a grading is refused and left as it is',
  async (name) => {
    if (name === 'grading.json') await copyFile(join(archives, 'bad.tar'), join(out, name));
    else await mkdir(join(out, name));
    await expect(smoke()).rejects.toThrow(`--out ${out}: contains a grading (${name})`);
    expect(await readdir(out)).toEqual([name]);
  },
);
