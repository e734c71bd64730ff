import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { packEntry } from '../../evaluator/intake/packEntry.ts';
import { type RunRecord, runRecordSchema } from '../../evaluator/run/record.ts';
import {
  type EntryScripts,
  folderWithTrack,
  makeEntry,
  processesWith,
  uniqueSeconds,
} from '../evaluator/fixtures.ts';
import { tarBytes } from '../evaluator/intake/tarBytes.ts';

const haet = resolve('cli/bin.mjs');

let folder: string;
let trackDir: string;
beforeAll(async () => {
  ({ folder, trackDir } = await folderWithTrack());
});

interface Run {
  readonly child: ChildProcess;
  readonly out: string;
  /** Resolves when something has been written to standard error. */
  said(text: string): Promise<void>;
  /** Resolves when the entry has saved its model. */
  saved(): Promise<void>;
  readonly ended: Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>;
}

let runs = 0;
/** Starts `haet dry-run` as the leader of a process group, as a shell does. */
async function dryRun(scripts: EntryScripts | null, words: string[] = []): Promise<Run> {
  const out = join(folder, `runs${++runs}`);
  const entry = scripts === null ? [] : ['--entry', await makeEntry(folder, scripts)];
  const child = spawn(
    process.execPath,
    [haet, 'dry-run', ...entry, '--track', trackDir, '--out', out, '--budget', '30', ...words],
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Awaited<Run['ended']>>((done) => {
    child.once('close', (code, signal) => done({ code, signal, stdout, stderr }));
  });
  return {
    child,
    out,
    ended,
    said: (text) => until(() => stderr.includes(text)),
    saved: () =>
      until(() => existsSync(out) && readdirSync(out).some((id) => existsSync(join(out, id, 'model/model')))),
  };
}

/** Does what a terminal does at Ctrl-C: sends the signal to the whole foreground process group. */
const pressCtrlC = (run: Run) => process.kill(-run.child.pid!, 'SIGINT');

const untilGone = async (word: string, withinMs: number) => {
  for (let waited = 0; waited < withinMs && processesWith(word).length > 0; waited += 20) await sleep(20);
  return processesWith(word);
};

async function until(isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo(); waited += 20) {
    if (waited > 20_000) throw new Error(`waited for 20 s: ${isSo}`);
    await sleep(20);
  }
}

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1)!;

describe('haet dry-run', () => {
  test('with --json ends standard output with the record, and writes everything else to standard error', async () => {
    const run = await dryRun({}, ['--json', '--seed', '7']);
    const { code, stdout, stderr } = await run.ended;
    const record = runRecordSchema.parse(JSON.parse(stdout));
    expect(code).toBe(0);
    expect(record).toMatchObject({
      verdict: 'SCORED',
      seed: 7,
      limits: { trainSeconds: 30, predictSeconds: 60 },
    });
    expect(stderr).toContain('SCORED  10.0 % of 1,000 images, 95 % interval 8.3 to 12.0');
    expect(existsSync(join(record.folder, 'report.html'))).toBe(true);
  });

  test('without --json prints the verdict and the path of the report to standard output', async () => {
    const { stdout } = await (await dryRun({})).ended;
    expect(stdout.split('\n')[0]).toBe('SCORED  10.0 % of 1,000 images, 95 % interval 8.3 to 12.0');
    expect(stdout).toMatch(/report {3}\S+report\.html/);
  });

  test('with --seeds runs the seeds one after the other and reports mean and spread', async () => {
    const { code, stdout, stderr } = await (await dryRun({}, ['--seeds', '2', '--seed', '5', '--json']))
      .ended;
    const records: RunRecord[] = JSON.parse(lastLine(stdout));
    expect(code).toBe(0);
    expect(records.map((record) => record.seed)).toEqual([5, 6]);
    expect(stderr).toContain('2 seeds scored  mean 10.0 %');
  });

  test('passes --entry-arg to the train command and records it', async () => {
    const { stdout } = await (
      await dryRun({ train: 'echo "$@" > "$HAET_OUT_DIR/words"' }, [
        '--entry-arg',
        'width=0.5',
        '--entry-arg',
        'two words',
        '--json',
      ])
    ).ended;
    const record: RunRecord = JSON.parse(stdout);
    expect(record.stages[0]!.argv).toEqual(['sh', 'train.sh', 'width=0.5', 'two words']);
    expect(await readFile(join(record.folder, 'model/words'), 'utf8')).toBe('width=0.5 two words\n');
  });

  test.each([
    ['saves nothing', { train: 'true' }, 11, 'NO_OUTPUT'],
    ['predicts nonsense', { predict: 'echo x > "$HAET_OUT_DIR/predictions.npy"' }, 12, 'INVALID_OUTPUT'],
    ['fails', { train: 'echo the reason >&2; exit 1' }, 13, 'CRASHED'],
    ['has a bad haet.json', { manifest: { team: 1 } }, 10, 'REJECTED_ARCHIVE'],
  ])(
    'exits with the status of the verdict and writes a report for an entry that %s',
    async (_, scripts, status, verdict) => {
      const run = await dryRun(scripts, ['--json']);
      const { code, stdout, stderr } = await run.ended;
      const record: RunRecord = JSON.parse(stdout);
      expect({ code, verdict: record.verdict }).toEqual({ code: status, verdict });
      expect(stderr.includes('train said: the reason')).toBe(verdict === 'CRASHED');
      expect(existsSync(join(record.folder, 'report.html'))).toBe(true);
    },
  );

  test('accepts the archive of an entry instead of its folder, and reports what is wrong with a bad archive', async () => {
    const archive = join(folder, 'entry.tar.gz');
    await packEntry(await makeEntry(folder), archive);
    const good = await (await dryRun(null, ['--entry', archive, '--json'])).ended;
    expect(good.code).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({ verdict: 'SCORED', entry: { path: archive } });

    const link = { path: 'a/answers', type: 'SymbolicLink', linkpath: '/etc/passwd' } as const;
    await writeFile(archive, tarBytes({ path: 'haet.json', data: '{}' }, link));
    const bad = await (await dryRun(null, ['--entry', archive])).ended;
    expect(bad.code).toBe(10);
    expect(bad.stdout).toMatch(/^REJECTED_ARCHIVE\n/);
    expect(bad.stdout).toContain('"a/answers" is a SymbolicLink');
  });

  test.each([
    ['an unknown option', ['--budgte', '60'], '--budgte'],
    ['a budget that is not a number', ['--budget', 'ten'], 'a number from'],
    ['an --out inside a file', ['--out', `${haet}/runs`], 'ENOTDIR'],
    ['half a seed', ['--seed', '1.5'], 'an integer from'],
    ['a missing entry', ['--entry', '/nowhere'], '/nowhere'],
    ['a missing Track', ['--track', '/nowhere'], '/nowhere'],
  ])('rejects %s in one line, with status 2 and no stack trace', async (_, words, named) => {
    const run = await dryRun({}, words);
    const { code, stdout, stderr } = await run.ended;
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^haet: /);
    expect(stderr).toContain(named);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(existsSync(run.out)).toBe(false);
  });
});

describe('Ctrl-C', () => {
  test('ends training early without signalling the entry, and scores its model', async () => {
    const seconds = uniqueSeconds();
    const run = await dryRun(
      {
        train: `trap 'echo struck > "$HAET_OUT_DIR/struck"' INT; echo x > "$HAET_OUT_DIR/model"; sleep ${seconds}`,
      },
      ['--json', '--seeds', '3'],
    );
    await run.saved();
    pressCtrlC(run);
    const { code, stdout } = await run.ended;
    const [record, ...others]: RunRecord[] = JSON.parse(lastLine(stdout));
    expect(code).toBe(0);
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      verdict: 'SCORED_SALVAGED',
      stages: [{ ended: 'interrupted' }, { ended: 'exited' }, { ended: 'exited' }],
    });
    expect(await readdir(join(record!.folder, 'model'))).toEqual(['model']);
    expect(processesWith(seconds)).toEqual([]);
  });

  test('a second Ctrl-C stops without a score', async () => {
    const seconds = uniqueSeconds();
    const run = await dryRun(
      { train: `echo x > "$HAET_OUT_DIR/model"; sleep 100`, predict: `sleep ${seconds}` },
      ['--json'],
    );
    await run.saved();
    pressCtrlC(run);
    await run.said('predict');
    pressCtrlC(run);
    const { code, stdout } = await run.ended;
    expect(code).toBe(40);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'ABORTED', score: null });
    expect(processesWith(seconds)).toEqual([]);
  });
});

test('SIGTERM ends a run cleanly: no process is left, and the record has the verdict ABORTED', async () => {
  const seconds = uniqueSeconds();
  const run = await dryRun({ train: `echo x > "$HAET_OUT_DIR/model"; sleep ${seconds}` }, ['--json']);
  await run.saved();
  run.child.kill('SIGTERM');
  const { code, stdout } = await run.ended;
  expect(code).toBe(40);
  expect(JSON.parse(stdout).verdict).toBe('ABORTED');
  expect(processesWith(seconds)).toEqual([]);
});

test('kill -9 of the evaluator also ends the entry, leaves no record, and does not affect the next run', async () => {
  const seconds = uniqueSeconds();
  const train = `echo x > "$HAET_OUT_DIR/model"; (setsid sh -c 'sleep ${seconds} & sleep ${seconds}' &); sleep ${seconds}`;
  const run = await dryRun({ train });
  await run.saved();
  await until(() => processesWith(seconds).length > 2);
  run.child.kill('SIGKILL');
  expect((await run.ended).signal).toBe('SIGKILL');
  expect(await untilGone(seconds, 1000)).toEqual([]);

  const [left] = await readdir(run.out);
  const files = await readdir(join(run.out, left!));
  expect(files).toContain('model');
  expect(files).not.toContain('record.json');
  expect((await (await dryRun({}, ['--out', run.out])).ended).code).toBe(0);
  expect(await readdir(run.out)).toHaveLength(2);
});

test('kill -9 of the entry counts as its crash, and the model that it saved is scored', async () => {
  const seconds = uniqueSeconds();
  const run = await dryRun(
    {
      train: `echo x > "$HAET_OUT_DIR/model"; echo $$ > "$HAET_OUT_DIR/pid"; exec sleep ${seconds}`,
    },
    ['--json'],
  );
  await run.saved();
  spawn('sh', ['-c', `kill -9 $(grep -lzx ${seconds} /proc/[0-9]*/cmdline | cut -d/ -f3)`]);
  const { code, stdout } = await run.ended;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    verdict: 'SCORED_SALVAGED',
    stages: [{ ended: 'exited', exitCode: null, signal: 'SIGKILL' }, { exitCode: 0 }, { exitCode: 0 }],
  });
});
