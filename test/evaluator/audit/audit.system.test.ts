import { writeFileSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TrackInfo } from '../../../datasets/track.ts';
import { UserError } from '../../../datasets/userError.ts';
import { type AuditHooks, audit } from '../../../evaluator/audit/audit.ts';
import { auditSchema } from '../../../evaluator/audit/auditSchema.ts';
import { createProcessSandbox } from '../../../evaluator/sandbox/process/process.ts';
import { machine, makeEntry, makeTinyTrack, temporaryFolder } from '../fixtures.ts';
import { entries, makeGreyTrack } from './entries.ts';

let folder: string;
let track: { dir: string; info: TrackInfo };
beforeAll(async () => {
  folder = await temporaryFolder();
  track = await makeGreyTrack(join(folder, 'track'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Audits an entry; also checks that audit.json contains the returned result and that no Track remains. */
async function auditOf(
  scripts: Parameters<typeof makeEntry>[1],
  options: { hooks?: AuditHooks | ((entryPath: string) => AuditHooks); controlSeed?: number } = {},
) {
  const entryPath = await makeEntry(folder, scripts);
  const { hooks } = options;
  const result = await audit(
    {
      entryPath,
      track,
      runsFolder: join(folder, 'runs'),
      seed: 7,
      controlSeed: options.controlSeed ?? 1,
      limits: { trainSeconds: 30, predictSeconds: 30 },
      machine,
    },
    await createProcessSandbox(),
    typeof hooks === 'function' ? hooks(entryPath) : hooks,
  );
  const kept = JSON.parse(await readFile(join(result.folder, 'audit.json'), 'utf8'));
  expect(auditSchema.parse(kept)).toEqual(JSON.parse(JSON.stringify(result)));
  const runIds = Object.values(result.runs).flatMap((run) => (run === null ? [] : [run.runId]));
  expect((await readdir(result.folder)).sort()).toEqual(['audit.json', ...runIds].sort());
  return result;
}

describe('an audit of an entry', () => {
  test('passes an honest learner', async () => {
    const result = await auditOf(entries.honest);
    expect(result).toMatchObject({
      overall: 'passed',
      entry: { name: 'Fixture' },
      seed: 7,
      controlSeed: 1,
      runs: {
        honest: { verdict: 'SCORED', accuracy: 1 },
        shuffled: { verdict: 'SCORED' },
        permuted: { verdict: 'SCORED', accuracy: 1 },
      },
      judgements: { shuffled: { holds: true }, permuted: { holds: true, statistic: 0 } },
    });
    expect(result.runs.shuffled!.accuracy).toBeLessThan(result.judgements.shuffled.threshold!);
  });

  test('fails an entry with a pretrained model on both controls', async () => {
    const result = await auditOf(entries.memorised);
    expect(result).toMatchObject({
      overall: 'failed',
      runs: { honest: { accuracy: 1 }, shuffled: { accuracy: 1 }, permuted: { accuracy: 0 } },
      judgements: { shuffled: { holds: false, statistic: 1 }, permuted: { holds: false, statistic: 1 } },
    });
  });

  test('fails an entry with a built-in order of the classes only on the permuted control', async () => {
    const result = await auditOf(entries.builtInOrder);
    expect(result).toMatchObject({
      overall: 'failed',
      runs: { honest: { accuracy: 1 }, permuted: { accuracy: 0 } },
      judgements: { shuffled: { holds: true }, permuted: { holds: false } },
    });
  });

  test('is inconclusive for an entry that crashes, with the verdicts of its runs', async () => {
    const result = await auditOf({ train: 'exit 3' });
    expect(result).toMatchObject({
      overall: 'inconclusive',
      runs: { honest: { verdict: 'CRASHED', accuracy: null }, permuted: { verdict: 'CRASHED' } },
      judgements: {
        shuffled: { holds: null, sentence: 'the honest run was not scored: CRASHED.' },
        permuted: { holds: null },
      },
    });
  });

  test('does not pass an entry that crashes only on the shuffled labels', async () => {
    const result = await auditOf(entries.crashesAtNonsense);
    expect(result).toMatchObject({
      overall: 'inconclusive',
      runs: { honest: { accuracy: 1 }, shuffled: { verdict: 'CRASHED' }, permuted: { accuracy: 1 } },
      judgements: {
        shuffled: { holds: null, sentence: 'the shuffled run was not scored: CRASHED.' },
        permuted: { holds: true },
      },
    });
  });

  test('is inconclusive for an entry at chance', async () => {
    const result = await auditOf(entries.constant);
    expect(result.overall).toBe('inconclusive');
    expect(result.judgements.shuffled.sentence).toContain('too close to chance');
  });

  test('does not judge an entry that changes between its runs', async () => {
    const result = await auditOf(entries.honest, {
      hooks: (entryPath) => ({ onRun: (run) => writeFileSync(join(entryPath, 'kept'), String(run)) }),
    });
    expect(result.overall).toBe('inconclusive');
    expect(result.judgements.permuted.sentence).toBe('the files of the entry changed between the runs.');
  });
});

test('the entry sees nothing that distinguishes the runs except labels', async () => {
  const result = await auditOf({
    train:
      'cd "$HAET_TRAIN_DIR/.." && cp -r train "$HAET_OUT_DIR" && cp track.json "$HAET_OUT_DIR" && ls -A .. > "$HAET_OUT_DIR/beside"; env | grep HAET_TRAIN_DIR > "$HAET_OUT_DIR/where"; pwd >> "$HAET_OUT_DIR/where"',
  });
  const seen = async (run: keyof typeof result.runs, file: string) =>
    readFile(join(result.runs[run]!.folder, 'model', file));
  const info = async (run: keyof typeof result.runs) => JSON.parse(String(await seen(run, 'track.json')));
  for (const control of ['shuffled', 'permuted'] as const) {
    expect(await seen(control, 'train/images.npy')).toEqual(await seen('honest', 'train/images.npy'));
    expect(await seen(control, 'train/labels.npy')).not.toEqual(await seen('honest', 'train/labels.npy'));
    expect({ ...(await info(control)), sha256: null }).toEqual({ ...(await info('honest')), sha256: null });
  }
  for (const [index, run] of result.order.entries()) {
    expect(String(await seen(run, 'where'))).not.toMatch(/honest|shuffled|permuted|audit|control/);
    // The folder of its Track contains the runs so far, and no other Track.
    expect(
      String(await seen(run, 'beside'))
        .trim()
        .split('\n'),
    ).toHaveLength(index + 2);
  }
});

test('the order of the runs and the controls follow from the control seed', async () => {
  const [one, same, other] = [
    await auditOf(entries.constant, { controlSeed: 3 }),
    await auditOf(entries.constant, { controlSeed: 3 }),
    await auditOf(entries.constant, { controlSeed: 4 }),
  ];
  expect([same.order, same.renaming]).toEqual([one.order, one.renaming]);
  expect([other.order, other.renaming]).not.toEqual([one.order, one.renaming]);
});

test('stopped in its second run, the audit ends with the results so far', async () => {
  const stop = new AbortController();
  const started: number[] = [];
  const onRun = (run: number) => {
    started.push(run);
    if (run === 2) setTimeout(() => stop.abort(), 300);
  };
  const result = await auditOf(
    {
      ...entries.honest,
      manifest: { ...entries.honest.manifest, train: ['sh', '-c', 'node train.mjs; sleep 2'] },
    },
    { hooks: { abort: stop.signal, onRun } },
  );
  expect(started).toEqual([1, 2]);
  expect(result.overall).toBe('inconclusive');
  const [first, second, third] = result.order.map((name) => result.runs[name]);
  expect(first!.accuracy).not.toBeNull();
  expect(second).toMatchObject({ verdict: 'ABORTED', accuracy: null });
  expect(third).toBeNull();
  expect(Object.values(result.judgements).map(({ holds }) => holds)).toEqual([null, null]);
});

test('rejects a Track of few classes before anything is run or created', async () => {
  const few = await makeTinyTrack(await temporaryFolder());
  const plan = {
    entryPath: await makeEntry(folder, {}),
    track: { ...few, info: { ...few.info, classes: few.info.classes.slice(0, 6) } },
    runsFolder: join(folder, 'never'),
    seed: 1,
    controlSeed: 1,
    machine,
  };
  const refused = audit(plan, await createProcessSandbox());
  await expect(refused).rejects.toThrow(UserError);
  await expect(refused).rejects.toThrow(/has 6 classes; an audit needs at least 7/);
  expect(await readdir(folder)).not.toContain('never');
});
