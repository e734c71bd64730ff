import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { writeReport } from '../../../evaluator/report/report.ts';
import { runRecordSchema } from '../../../evaluator/run/record.ts';
import { type RunHooks, type RunPlan, runEntry } from '../../../evaluator/run/runEntry.ts';
import { namespaceFlags } from '../../../evaluator/sandbox/process/namespace.ts';
import { createProcessSandbox, type Isolation } from '../../../evaluator/sandbox/process/process.ts';
import {
  constantPredictions,
  type EntryScripts,
  folderWithTrack,
  makeTinyTrack,
  planOf,
  processesWith,
  type TinyTrack,
  temporaryFolder,
  uniqueSeconds,
} from '../fixtures.ts';

let folder: string;
let track: TinyTrack;
beforeAll(async () => {
  ({ folder, track } = await folderWithTrack());
});

const canNamespace = (await namespaceFlags()) !== null;

async function run(
  isolation: Isolation,
  scripts: EntryScripts,
  options: { limits?: RunPlan['limits']; hooks?: RunHooks; track?: RunPlan['track'] } = {},
) {
  const record = await runEntry(
    await planOf({ folder, track: options.track ?? track }, scripts, options.limits),
    await createProcessSandbox(isolation),
    options.hooks,
  );
  expect(
    runRecordSchema.parse(JSON.parse(await readFile(join(record.folder, 'record.json'), 'utf8'))),
  ).toEqual(JSON.parse(JSON.stringify(record)));
  return record;
}

const isolations: Isolation[] = canNamespace ? ['namespace', 'tree'] : ['tree'];

describe.each(isolations)('in the process sandbox with isolation by %s', (isolation) => {
  test('a correct entry is SCORED', async () => {
    const record = await run(isolation, {});
    expect(record).toMatchObject({ verdict: 'SCORED', owner: 'contestant' });
    expect(record.score).toMatchObject({ correct: 100, total: 1000 });
    expect((await readdir(record.folder)).sort()).toEqual(
      [
        'model',
        'predict.stderr.log',
        'predict.stdout.log',
        'predict-again.stderr.log',
        'predict-again.stdout.log',
        'predictions',
        'progress.jsonl',
        'record.json',
        'train.stderr.log',
        'train.stdout.log',
      ].sort(),
    );
  });

  test('an entry that rewrites the withheld labels is a RULE_VIOLATION and has no score', async () => {
    const own = await makeTinyTrack(await temporaryFolder());
    const labels = '"$(dirname "$HAET_TEST_IMAGES")/../labels.npy"';
    const record = await run(
      isolation,
      {
        predict: `cp constant.npy "$HAET_OUT_DIR/predictions.npy"; printf x | dd of=${labels} bs=1 seek=200 conv=notrunc`,
      },
      { track: own },
    );
    expect(record).toMatchObject({ verdict: 'RULE_VIOLATION', owner: 'contestant', score: null });
    expect(record.evidence[0]).toMatch(/Track was changed while the entry ran: .*labels\.npy/);
  });

  test('pipes and links that an entry puts where the evaluator writes do not block and are not followed', async () => {
    const bystander = join(folder, `bystander-${isolation}`);
    await writeFile(bystander, 'mine');
    const record = await run(isolation, {
      train: [
        'echo weights > "$HAET_OUT_DIR/model"',
        'cd "$HAET_OUT_DIR/.."',
        'mkfifo predict.stdout.log',
        `ln -s ${bystander} predict.stderr.log`,
        `ln -s ${bystander} record.json.part`,
        'rm -f progress.jsonl',
        'mkfifo progress.jsonl',
        'true',
      ].join('; '),
    });
    expect(record.verdict).toBe('SCORED');
    expect(await readFile(bystander, 'utf8')).toBe('mine');
    await writeReport(record.folder, { trackDir: track.dir });
  });

  test('an entry that removes its own output folder, or tries to, gets NO_OUTPUT', async () => {
    // In a namespace the folder is a mount point, which cannot be removed.
    const record = await run(isolation, { train: 'rmdir "$HAET_OUT_DIR" || true' });
    expect(record).toMatchObject({ verdict: 'NO_OUTPUT', owner: 'contestant' });
  });

  test('an entry gets the environment of the contract and nothing else', async () => {
    const record = await run(isolation, {
      train: 'env > "$HAET_OUT_DIR/environment"; pwd >> "$HAET_OUT_DIR/environment"',
    });
    const lines = (await readFile(join(record.folder, 'model/environment'), 'utf8')).trim().split('\n');
    const names = lines
      .map((line) => line.split('=')[0])
      .filter((name) => !['PWD', '_', 'OLDPWD', 'SHLVL'].includes(name!));
    expect(names.sort()).toEqual(
      [
        ...['HAET_STAGE', 'HAET_TRAIN_DIR', 'HAET_PROGRESS_FD', 'HAET_OUT_DIR', 'HAET_WORK_DIR', 'HAET_SEED'],
        ...[
          'HAET_BUDGET_SECONDS',
          'HAET_CPUS',
          'HAET_MEMORY_BYTES',
          'HAET_RUN_ID',
          'PATH',
          'HOME',
          'TMPDIR',
          'LANG',
          'PYTHONUNBUFFERED',
          'NODE_PATH',
        ],
        record.entry!.path,
      ].sort(),
    );
  });

  test('an entry that trains past the deadline is stopped there and scored on its saved model', async () => {
    const seconds = uniqueSeconds();
    const record = await run(
      isolation,
      { train: `echo early > "$HAET_OUT_DIR/model"; sleep ${seconds}; echo late > "$HAET_OUT_DIR/model"` },
      { limits: { trainSeconds: 1 } },
    );
    expect(record.verdict).toBe('SCORED_SALVAGED');
    expect(record.stages[0]).toMatchObject({ ended: 'deadline', signal: 'SIGKILL', exitCode: null });
    expect(record.stages[0]!.kill!.overshootMs).toBeGreaterThanOrEqual(0);
    expect(record.stages[0]!.kill!.overshootMs).toBeLessThan(250);
    expect(record.stages[0]!.kill!.processesKilled).toBe(2);
    expect(await readFile(join(record.folder, 'model/model'), 'utf8')).toBe('early\n');
    expect(processesWith(seconds)).toEqual([]);
  });

  test('an entry that saved nothing by the deadline gets NO_OUTPUT', async () => {
    const record = await run(isolation, { train: 'sleep 100' }, { limits: { trainSeconds: 0.5 } });
    expect(record).toMatchObject({ verdict: 'NO_OUTPUT', owner: 'contestant', score: null });
    expect(record.stages).toHaveLength(1);
  });

  test('an entry that ignores every signal it can is still killed', async () => {
    const seconds = uniqueSeconds();
    const record = await run(
      isolation,
      { train: `trap "" TERM INT HUP QUIT USR1; while :; do sleep ${seconds}; done` },
      { limits: { trainSeconds: 0.5 } },
    );
    expect(record.stages[0]!.ended).toBe('deadline');
    expect(record.stages[0]!.seconds).toBeLessThan(0.75);
    expect(processesWith(seconds)).toEqual([]);
  });

  test('a grandchild that double-forked into its own session cannot improve the checkpoint later', async () => {
    const seconds = uniqueSeconds();
    const record = await run(
      isolation,
      {
        train: `
          echo early > "$HAET_OUT_DIR/model"
          (setsid sh -c '(sleep 2; echo late > "$HAET_OUT_DIR/model"; sleep ${seconds}) &' &)
          sleep 100`,
        predict: 'sleep 2.5; cp constant.npy "$HAET_OUT_DIR/predictions.npy"; cat "$HAET_MODEL_DIR/model"',
      },
      { limits: { trainSeconds: 1 } },
    );
    expect(record.verdict).toBe('SCORED_SALVAGED');
    expect(await readFile(join(record.folder, 'predict.stdout.log'), 'utf8')).toBe('early\n');
    expect(processesWith(seconds)).toEqual([]);
  });

  test('processes that a train stage leaves are killed before predict starts, and recorded', async () => {
    const seconds = uniqueSeconds();
    const record = await run(isolation, {
      train: `echo x > "$HAET_OUT_DIR/model"; setsid sleep ${seconds} & sleep 0.2`,
    });
    expect(record.verdict).toBe('SCORED');
    expect(record.stages[0]).toMatchObject({
      ended: 'exited',
      exitCode: 0,
      kill: { processesKilled: 1, overshootMs: 0 },
    });
    expect(processesWith(seconds)).toEqual([]);
  });

  test('a train stage that fails after saving is scored, and the record states how it failed', async () => {
    const record = await run(isolation, { train: 'echo x > "$HAET_OUT_DIR/model"; exit 1' });
    expect(record.verdict).toBe('SCORED_SALVAGED');
    expect(record.stages[0]).toMatchObject({ ended: 'exited', exitCode: 1, signal: null });
  });

  test('a train stage that succeeds without output gets NO_OUTPUT', async () => {
    expect((await run(isolation, { train: 'true' })).verdict).toBe('NO_OUTPUT');
  });

  test.each(['KILL', 'SEGV', 'ABRT', 'TERM'])(
    'a train stage that dies of SIG%s gets CRASHED, with that signal',
    async (name) => {
      const record = await run(isolation, { train: `kill -${name} $$` });
      expect(record.verdict).toBe('CRASHED');
      expect(record.stages[0]).toMatchObject({ ended: 'exited', exitCode: null, signal: `SIG${name}` });
    },
  );

  test('exit status 137 by itself does not count as lack of memory', async () => {
    const record = await run(isolation, { train: 'exit 137' });
    expect(record.verdict).toBe('CRASHED');
  });

  test('a program that does not exist gets CRASHED, with its name in the evidence', async () => {
    const record = await run(isolation, { manifest: { train: ['no-such-program', 'train'] } });
    expect(record).toMatchObject({ verdict: 'CRASHED', stages: [{ ended: 'failed-to-start' }] });
    expect(record.evidence.join()).toContain('no program "no-such-program"');
  });

  test('an invalid haet.json gets REJECTED_ARCHIVE, with the field in the evidence', async () => {
    const record = await run(isolation, { manifest: { train: 'sh train.sh' } });
    expect(record).toMatchObject({ verdict: 'REJECTED_ARCHIVE', entry: null, stages: [] });
    expect(record.evidence.join()).toContain('train');
  });

  test.each([
    ['NaN', constantPredictions(1000, Number.NaN), 'row 0, column 0 is NaN'],
    ['999 rows', constantPredictions(999), '[999, 10]'],
    ['1001 rows', constantPredictions(1001), '[1001, 10]'],
    ['half a file', constantPredictions(1000).subarray(0, 20_000), 'truncated'],
    ['a text file', Buffer.from('cat'), 'header'],
  ])('predictions of %s get INVALID_OUTPUT, with the reason', async (_, predictions, reason) => {
    const record = await run(isolation, { files: { 'constant.npy': predictions } });
    expect(record).toMatchObject({ verdict: 'INVALID_OUTPUT', score: null });
    expect(record.evidence.join()).toContain(reason);
  });

  test.each([
    ['a symbolic link to the answers', 'ln -s "$HAET_TEST_IMAGES" "$HAET_OUT_DIR/predictions.npy"'],
    ['a named pipe', 'mkfifo "$HAET_OUT_DIR/predictions.npy"'],
    ['a folder', 'mkdir "$HAET_OUT_DIR/predictions.npy"'],
    ['a file of 8 GB', 'truncate -s 8G "$HAET_OUT_DIR/predictions.npy"'],
  ])('%s instead of predictions.npy gets INVALID_OUTPUT, unread', async (_, predict) => {
    expect((await run(isolation, { predict })).verdict).toBe('INVALID_OUTPUT');
  });

  test('a predict stage that succeeds without predictions gets NO_OUTPUT', async () => {
    expect((await run(isolation, { predict: 'true' })).verdict).toBe('NO_OUTPUT');
  });

  test('a predict stage that fails gets CRASHED', async () => {
    expect((await run(isolation, { predict: 'exit 3' })).verdict).toBe('CRASHED');
  });

  test('a predict stage that sleeps past its limit gets PREDICT_TIMEOUT', async () => {
    const seconds = uniqueSeconds();
    const record = await run(isolation, { predict: `sleep ${seconds}` }, { limits: { predictSeconds: 0.5 } });
    expect(record.verdict).toBe('PREDICT_TIMEOUT');
    expect(processesWith(seconds)).toEqual([]);
  });

  test('a flood on standard output is drained, counted and shortened in the middle', async () => {
    const record = await run(
      isolation,
      { train: 'echo begin; head -c 60000000 /dev/zero; echo end; echo x > "$HAET_OUT_DIR/model"' },
      { limits: { logBytes: 100_000 } },
    );
    expect(record.verdict).toBe('SCORED');
    expect(record.stages[0]!.stdoutBytes).toBe(60_000_010);
    const log = await readFile(join(record.folder, 'train.stdout.log'), 'latin1');
    expect(log.length).toBeLessThan(100_100);
    expect(log.startsWith('begin\n')).toBe(true);
    expect(log.endsWith('end\n')).toBe(true);
    expect(log).toContain('[haet: 59900010 bytes omitted]');
  });

  test('an endless flood does not move the deadline', async () => {
    const record = await run(
      isolation,
      { train: 'cat /dev/zero & cat /dev/zero >&2 & cat /dev/zero >&3 & wait' },
      { limits: { trainSeconds: 1 } },
    );
    expect(record.stages[0]!.kill!.overshootMs).toBeLessThan(500);
    expect(record.progress).toEqual({ lines: 0, rejected: 0, last: null });
  });

  test('progress lines are kept with our clock; forged, long and excess lines are not', async () => {
    const record = await run(isolation, {
      train: `
        echo '{"step": 1, "epoch": 0.5, "loss": 2.5, "atSeconds": 99999, "more": "kept"}' >&3
        echo '{"step": -1, "epoch": 0}' >&3
        echo '{"step": 1, "epoch": 0, "accuracy": 7}' >&3
        echo 'not json' >&3
        head -c 100000 /dev/zero | tr '\\0' x >&3; echo >&3
        i=0; while [ $i -lt 500 ]; do echo '{"step": 2, "epoch": 1}'; i=$((i + 1)); done >&3
        printf '{"step": 3, "epoch": 9}' >&3
        echo x > "$HAET_OUT_DIR/model"`,
    });
    expect(record.verdict).toBe('SCORED');
    expect(record.progress.lines + record.progress.rejected).toBe(505);
    expect(record.progress.lines).toBeLessThanOrEqual(100);
    expect(record.progress.last).toEqual({ step: 2, epoch: 1 });
    const [first] = (await readFile(join(record.folder, 'progress.jsonl'), 'utf8')).split('\n');
    expect(JSON.parse(first!)).toMatchObject({ step: 1, epoch: 0.5, loss: 2.5, more: 'kept' });
    expect(JSON.parse(first!).atSeconds).toBeLessThan(20);
  });

  test('an interrupt ends training early and scores the saved model', async () => {
    const interrupt = new AbortController();
    const record = await run(
      isolation,
      { train: 'echo x > "$HAET_OUT_DIR/model"; echo \'{"step":1,"epoch":1}\' >&3; sleep 100' },
      { hooks: { interrupt: interrupt.signal, onProgress: () => interrupt.abort() } },
    );
    expect(record.verdict).toBe('SCORED_SALVAGED');
    expect(record.stages[0]!.ended).toBe('interrupted');
  });

  test('an interrupt before anything was saved is ABORTED, without blaming the contestant', async () => {
    const interrupt = new AbortController();
    const record = await run(
      isolation,
      { train: 'echo \'{"step":1,"epoch":1}\' >&3; sleep 100' },
      { hooks: { interrupt: interrupt.signal, onProgress: () => interrupt.abort() } },
    );
    expect(record).toMatchObject({ verdict: 'ABORTED', owner: 'organizer' });
  });

  test('an abort ends the run at once without a score', async () => {
    const abort = new AbortController();
    const record = await run(
      isolation,
      { train: 'echo x > "$HAET_OUT_DIR/model"; echo \'{"step":1,"epoch":1}\' >&3; sleep 100' },
      { hooks: { abort: abort.signal, onProgress: () => abort.abort() } },
    );
    expect(record).toMatchObject({ verdict: 'ABORTED', score: null });
    expect(record.stages).toHaveLength(1);
  });

  test('the resources of a stage are sampled: cores in use, memory, processes', async () => {
    const record = await run(
      isolation,
      { train: 'echo x > "$HAET_OUT_DIR/model"; sleep 100 & while :; do :; done' },
      { limits: { trainSeconds: 2.5 } },
    );
    const [train] = record.stages;
    expect(train!.usage.length).toBeGreaterThanOrEqual(2);
    expect(train!.cpuSeconds).toBeGreaterThan(0.5);
    expect(train!.peakMemoryBytes).toBeGreaterThan(100_000);
    expect(train!.usage.at(-1)!.processes).toBe(2);
  });
});
