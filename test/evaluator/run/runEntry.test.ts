import { copyFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { TrackInfo } from '../../../datasets/track.ts';
import { contradictionIn } from '../../../evaluator/attest/consistency/checks.ts';
import { buildOfficialRecord } from '../../../evaluator/attest/officialRecord.ts';
import { type RunHooks, runEntry } from '../../../evaluator/run/runEntry.ts';
import { nothingHeld } from '../../../evaluator/sandbox/holds.ts';
import type { KillReceipt, RunningStage, Sandbox, StageSpec } from '../../../evaluator/sandbox/sandbox.ts';
import { outputOnDisk } from '../../../evaluator/sandbox/stageOutput.ts';
import {
  constantPredictions,
  type EntryScripts,
  machine,
  makeEntry,
  makeTinyTrack,
  temporaryFolder,
} from '../fixtures.ts';

let folder: string;
let track: { dir: string; info: TrackInfo };
beforeAll(async () => {
  folder = await temporaryFolder();
  track = await makeTinyTrack(folder);
});

/** Does something instead of starting processes; returns the exit status of the stage. */
type Act = (out: string, spec: StageSpec) => Promise<number>;
interface Script {
  readonly train?: Act;
  readonly predict?: Act;
  readonly again?: Act;
  /** Changes the result of a stage's kill. */
  readonly kill?: (stage: string) => Partial<KillReceipt>;
}

const trainWell: Act = async (out) => {
  await writeFile(join(out, 'model'), 'weights');
  return 0;
};
const predictWell: Act = async (out, { cwd }) => {
  await copyFile(join(cwd, 'constant.npy'), join(out, 'predictions.npy'));
  return 0;
};

/** A sandbox that starts no processes. */
function madeUpSandbox({ train = trainWell, predict = predictWell, again = predict, kill }: Script): Sandbox {
  const acts: [string, Act][] = [
    ['train', train],
    ['predict', predict],
    ['predict-again', again],
  ];
  return {
    kind: 'process',
    fenced: false,
    image: null,
    holds: nothingHeld,
    contains: '',
    async start(spec): Promise<RunningStage> {
      const [stage, act] = acts.shift()!;
      const startedAt = performance.now();
      const exitCode = await act(spec.out.host, spec);
      const at = performance.now();
      return {
        startedAt,
        stdout: Readable.from([]),
        stderr: Readable.from([]),
        progress: null,
        exited: Promise.resolve({ exitCode, signal: null, at }),
        output: outputOnDisk(spec.out.host),
        proc: '/proc',
        processes: () => [],
        kill: async () => ({
          signalledAt: at,
          stoppedAt: at,
          goneAt: at,
          processesKilled: 0,
          processesLeft: 0,
          limitHits: null,
          ...kill?.(stage),
        }),
      };
    },
  };
}

const planned = async (entry: EntryScripts = {}) => ({
  entryPath: await makeEntry(folder, entry),
  track,
  runsFolder: join(folder, 'runs'),
  seed: 1,
  machine,
  limits: { outBytes: 2 ** 20 },
});

async function run(script: Script, hooks: RunHooks = {}, entry: EntryScripts = {}) {
  return runEntry(await planned(entry), madeUpSandbox(script), hooks);
}

const stagesOf = ({ stages }: Awaited<ReturnType<typeof run>>) => stages.map(({ stage }) => stage);

test('a correct entry is trained, predicted twice and scored', async () => {
  const record = await run({});
  expect(record).toMatchObject({ verdict: 'SCORED', score: { correct: 100, total: 1000 } });
  expect(stagesOf(record)).toEqual(['train', 'predict', 'predict-again']);
});

test('a plan that predicts once is scored, says so, and is none that a grading counts', async () => {
  const again: Act = () => Promise.reject(new Error('was started'));
  const plan = { ...(await planned()), predictOnce: true };
  const record = await runEntry(plan, madeUpSandbox({ again }));
  expect(record).toMatchObject({ verdict: 'SCORED', score: { correct: 100, total: 1000 } });
  expect(stagesOf(record)).toEqual(['train', 'predict']);
  expect(record.evidence).toContain(
    'predict ran once, so its rows were not compared with those of a second run',
  );
  expect(contradictionIn(record)).toContain('without three stages');
});

describe('a run ends with the step that failed', () => {
  test('intake', async () => {
    const record = await run({}, {}, { manifest: { schemaVersion: 9 } });
    expect(record).toMatchObject({ verdict: 'REJECTED_ARCHIVE', entry: null, stages: [], modelSha256: null });
    // Published on the leaderboard, so without the path on this machine.
    expect(record.evidence[0]).toMatch(/^[^/]+\/haet\.json: /);
  });

  test('training', async () => {
    const record = await run({ train: async () => 3 });
    expect(record).toMatchObject({ verdict: 'CRASHED', modelSha256: null });
    expect(stagesOf(record)).toEqual(['train']);
  });

  test('training, with files that are longer than allowed and sparse', async () => {
    const record = await run({
      train: async (out) => {
        await writeFile(join(out, 'model'), '');
        await truncate(join(out, 'model'), 2 ** 30);
        return 0;
      },
    });
    expect(record).toMatchObject({ verdict: 'DISK_FULL', modelSha256: null });
    expect(record.evidence).toContain('train: the files in its output folder are longer than the limit');
    expect(record.evidence.join()).not.toContain('scratch folder was full');
    expect(stagesOf(record)).toEqual(['train']);
  });

  test('a kill that fails: the streams of the stage are closed, since an open one would keep the evaluator alive', async () => {
    const open = new PassThrough();
    const broken = madeUpSandbox({
      kill: () => {
        throw new Error('stuck');
      },
    });
    const sandbox = {
      ...broken,
      start: async (spec: StageSpec) => ({ ...(await broken.start(spec)), stdout: open }),
    };
    const record = await runEntry(await planned(), sandbox);
    expect(record).toMatchObject({ verdict: 'INFRA_FAULT' });
    expect(record.evidence.join()).toContain('stuck');
    expect(open.destroyed).toBe(true);
  });

  test('predicting', async () => {
    const record = await run({ predict: async () => 0 });
    expect(record).toMatchObject({ verdict: 'NO_OUTPUT', score: null });
    expect(stagesOf(record)).toEqual(['train', 'predict']);
  });

  test.each<[string, string, string]>([
    ['predictions.npz', 'PK\x03\x04', '"predictions.npz", which is a ZIP (an .npz or a torch file)'],
    ['predictions.npy.npy', '\x93NUMPY\x01\x00', '"predictions.npy.npy", which is a .npy file'],
    ['Predictions.npy', '\x93NUMPY\x01\x00', '"Predictions.npy", which is a .npy file'],
    ['prediction.npy', '\x93NUMPY\x01\x00', '"prediction.npy", which is a .npy file'],
    ['scores', '\x01\x02', '"scores"'],
  ])('predicting, with %s left in the output folder', async (name, start, found) => {
    const record = await run({
      predict: async (out) => {
        await writeFile(join(out, name), Buffer.from(start, 'latin1'));
        return 0;
      },
    });
    expect(record.verdict).toBe('NO_OUTPUT');
    expect(record.evidence).toContain(`predict: wrote no predictions.npy; its output folder has ${found}`);
  });

  test('predicting, with the file left in the working folder', async () => {
    const record = await run({
      predict: async (_, { cwd }) => {
        await writeFile(join(cwd, 'predictions.npy'), constantPredictions(1000));
        return 0;
      },
    });
    expect(record.verdict).toBe('NO_OUTPUT');
    expect(record.evidence.join('\n')).toMatch(
      /wrote no predictions\.npy; there is one in the entry's folder.*write it to \$HAET_OUT_DIR\/predictions\.npy/,
    );
  });

  test('predicting the second time, with another name', async () => {
    const record = await run({
      again: async (out) => {
        await writeFile(join(out, 'prediction.npy'), constantPredictions(1000));
        return 0;
      },
    });
    expect(record.verdict).toBe('NO_OUTPUT');
    expect(record.evidence.at(-1)).toMatch(
      /^predict, second run: wrote no .*"prediction\.npy", which is a \.npy/,
    );
  });

  test('predicting, with many files: few names are shown, those like predictions first', async () => {
    const record = await run({
      predict: async (out) => {
        for (const name of ['a', 'b', 'c', 'predictions.csv', 'x'.repeat(200)]) {
          await writeFile(join(out, name), '1,2');
        }
        await symlink('/etc/passwd', join(out, 'pred.npy'));
        return 0;
      },
    });
    expect(record.evidence.at(-1)).toBe(
      'predict: wrote no predictions.npy; its output folder has "pred.npy", "predictions.csv", which is a text file, "a", which is a text file and more',
    );
  });

  test('predicting the second time', async () => {
    const again: Act = async (out) => {
      const rows = constantPredictions(1000);
      await writeFile(
        join(out, 'predictions.npy'),
        rows.map((byte, at) => (at < 200 ? byte : 0)),
      );
      return 0;
    };
    const record = await run({ again });
    expect(record).toMatchObject({ verdict: 'RULE_VIOLATION', score: null });
    expect(stagesOf(record)).toEqual(['train', 'predict', 'predict-again']);
  });
});

test('a fault of the sandbox keeps the earlier findings', async () => {
  const predict: Act = () => Promise.reject(new Error('no room for a namespace'));
  const record = await run({ predict });
  expect(record).toMatchObject({ verdict: 'INFRA_FAULT', score: null });
  expect(record.evidence[0]).toBe('the evaluator failed: no room for a namespace');
  expect(record.modelSha256).not.toBeNull();
  expect(stagesOf(record)).toEqual(['train']);
});

test('after an abort no further stage is started, and a fault caused by it does not count', async () => {
  const abort = new AbortController();
  const train: Act = async (out, spec) => {
    abort.abort();
    return trainWell(out, spec);
  };
  const stopped = await run({ train }, { abort: abort.signal });
  expect(stopped).toMatchObject({ verdict: 'ABORTED', stages: [{ ended: 'interrupted' }] });

  const failed = await run({ train: () => Promise.reject(new Error('killed')) }, { abort: abort.signal });
  expect(failed).toMatchObject({ verdict: 'ABORTED', stages: [] });
});

test('a survivor is a fault also after an abort', async () => {
  const abort = new AbortController();
  const train: Act = async (out, spec) => {
    abort.abort();
    return trainWell(out, spec);
  };
  const record = await run({ train, kill: () => ({ processesLeft: 1 }) }, { abort: abort.signal });
  expect(record).toMatchObject({ verdict: 'INFRA_FAULT', score: null });
  expect(record.evidence[0]).toContain('1 processes of the train stage were still alive');
});

test('processes that survive the kill of a stage are counted, signed, and a fault of the machine', async () => {
  const record = await run({ kill: (stage) => ({ processesLeft: stage === 'predict' ? 2 : 0 }) });
  expect(record).toMatchObject({ verdict: 'INFRA_FAULT', score: null });
  expect(record.evidence[0]).toBe(
    'the evaluator failed: 2 processes of the predict stage were still alive after it was killed',
  );
  expect(record.stages.map(({ processesLeft }) => processesLeft)).toEqual([0, 2]);
  const chain = { number: 1, previousSha256: null };
  const { killReceipts } = buildOfficialRecord(record, { image: null, predictions: null, chain });
  expect(killReceipts.map(({ processesLeft }) => processesLeft)).toEqual([0, 2]);
});
