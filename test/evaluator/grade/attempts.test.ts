import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { contradictionIn } from '../../../evaluator/attest/consistency/checks.ts';
import { clearUnfinished, readAttempts } from '../../../evaluator/grade/attempts.ts';
import type { JobTerms } from '../../../evaluator/grade/terms.ts';
import { archiveLimitsSchema } from '../../../evaluator/intake/limits.ts';
import { type RunRecord, runRecordSchema } from '../../../evaluator/run/record.ts';
import type { RunStart } from '../../../evaluator/run/runFolder.ts';
import { writeUnscored } from '../../../evaluator/run/unscored.ts';
import type { VerdictCode } from '../../../evaluator/run/verdict.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';
import { hash, madeUpRecord } from './madeUpRecord.ts';

const folder = temporaryFolder();
const terms: JobTerms = {
  archiveSha256: hash('a'),
  track: madeUpRecord().track!,
  seed: 1,
  sandbox: 'process',
  limits: { trainSeconds: 600, predictSeconds: 60 },
  intake: archiveLimitsSchema.parse({}),
};

async function put(name: string, content: unknown): Promise<void> {
  await mkdir(join(folder.path, name), { recursive: true });
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  await writeFile(join(folder.path, name, 'record.json'), text);
}
async function putStart(name: string, attempt: number, change: Partial<RunStart> = {}): Promise<void> {
  const { archiveSha256, track, seed, limits } = madeUpRecord();
  const start: RunStart = {
    attempt,
    archiveSha256,
    track,
    seed,
    limits,
    sandbox: { kind: 'process' },
    ...change,
  };
  await mkdir(join(folder.path, name, 'model'), { recursive: true });
  await writeFile(join(folder.path, name, 'start.json'), JSON.stringify(start));
  await writeFile(join(folder.path, name, 'train.stderr.log'), 'words');
}
const rules = { mostDisturbance: 0.05 };
const read = (change: Partial<JobTerms> = {}) => readAttempts(folder.path, { ...terms, ...change }, rules);
const find = async (change: Partial<JobTerms> = {}) => {
  const { counted, doubts } = await read(change);
  return { record: counted?.record ?? null, doubts };
};
/** Returns the contention of a stage of 100 s on 2 CPUs. */
const others = (seconds: number, stolen = 0) => ({
  othersCpuSeconds: seconds,
  stolenCpuSeconds: stolen,
  share: (seconds + stolen) / 200,
  busiest: [],
});

describe('the attempt that counts', () => {
  test('is a rejection only under the same limits of intake, and any other result under any limits', async () => {
    const larger = { intake: archiveLimitsSchema.parse({ archiveBytes: 2 ** 30 }) };
    await put('refused', madeUpRecord({ verdict: 'REJECTED_ARCHIVE' }));
    expect((await find()).record).toMatchObject({ verdict: 'REJECTED_ARCHIVE' });
    expect((await find(larger)).record).toBeNull();
    await put('scored', madeUpRecord());
    expect((await find(larger)).record).toMatchObject({ verdict: 'SCORED' });
  });

  test('is none if an unscored run is damaged, which is reported and uses up a retry', async () => {
    await mkdir(join(folder.path, 'waiting'));
    await writeFile(join(folder.path, 'waiting', 'unscored.json'), '{');
    const { counted, spent, awaitsScore, doubts } = await read();
    expect({ counted, spent, awaitsScore }).toEqual({ counted: null, spent: 1, awaitsScore: false });
    expect(doubts).toEqual([expect.stringContaining('unscored.json')]);
  });

  test('an unscored attempt does not count, uses no retry and is kept', async () => {
    await mkdir(join(folder.path, 'waiting', 'model'), { recursive: true });
    const record = { ...madeUpRecord(), folder: join(folder.path, 'waiting'), score: null };
    await writeUnscored(runRecordSchema.parse(record), null);
    await clearUnfinished(folder.path);
    expect(await readdir(join(folder.path, 'waiting'))).toEqual(['model', 'unscored.json']);
    const { counted, spent, awaitsScore, all } = await read();
    expect({ counted, spent, awaitsScore }).toEqual({ counted: null, spent: 0, awaitsScore: true });
    expect(all.map(({ voidBecause }) => voidBecause)).toEqual(['unscored']);
  });

  test('is found with its record and its current path, without what only the report shows', async () => {
    await put('2026-a', madeUpRecord());
    const record = runRecordSchema.parse(madeUpRecord());
    const score = { ...record.score, details: null };
    expect(await find()).toEqual({
      record: { ...record, score, folder: join(folder.path, '2026-a') },
      doubts: [],
    });
  });

  test('is none if there is no attempt, or only runs that never started', async () => {
    expect(await find()).toEqual({ record: null, doubts: [] });
    expect((await readAttempts(join(folder.path, 'none'), terms, rules)).all).toEqual([]);
    await mkdir(join(folder.path, '2026-a', 'model'), { recursive: true });
    expect(await find()).toEqual({ record: null, doubts: [] });
  });

  test('is the first: a later one does not replace it', async () => {
    await put('2026-b', madeUpRecord({ correct: 900 }));
    await put('2026-a', madeUpRecord({ correct: 100 }));
    expect((await find()).record!.score!.correct).toBe(100);
  });

  test.each(['INFRA_FAULT', 'ABORTED'] as const)(
    'is none that ended in %s, which is run again',
    async (verdict) => {
      await put('2026-a', madeUpRecord({ verdict }));
      expect(await find()).toEqual({ record: null, doubts: [] });
      await put('2026-b', madeUpRecord());
      expect((await find()).record!.verdict).toBe('SCORED');
    },
  );

  test.each(['CRASHED', 'REJECTED_ARCHIVE', 'RULE_VIOLATION', 'PREDICT_TIMEOUT'] as const)(
    'may have ended in %s',
    async (verdict) => {
      await put('2026-a', madeUpRecord({ verdict }));
      expect((await find()).record!.verdict).toBe(verdict);
    },
  );

  test.each<[string, Partial<JobTerms>]>([
    ['other bytes', { archiveSha256: hash('b') }],
    ['another seed', { seed: 2 }],
    ['another Track', { track: { ...madeUpRecord().track!, name: 'another' } }],
    ['another sandbox', { sandbox: 'docker' }],
    ['another budget', { limits: { ...terms.limits, trainSeconds: 60 } }],
    ['other CPUs', { limits: { ...terms.limits, cpus: 3 } }],
  ])('is none with %s', async (_, change) => {
    await put('2026-a', madeUpRecord());
    expect(await find(change)).toEqual({ record: null, doubts: [] });
  });

  test.each<[string, string, string]>([
    ['torn', JSON.stringify(madeUpRecord()).slice(0, 500), 'is not the record of a run'],
    ['empty', '', 'is not the record of a run'],
    ['of another form', '{"schemaVersion": 3}', 'is not the record of a run'],
    ['that contradicts itself', raised(), 'the accuracy is 0.99, but 850 of 1000 correct are 0.85'],
  ])('is none whose record is %s, which is reported', async (_, text, why) => {
    await put('2026-a', text);
    const { record, doubts } = await find();
    expect(record).toBeNull();
    expect(doubts).toEqual([expect.stringContaining(why)]);
    expect(doubts[0]).toContain(join(folder.path, '2026-a', 'record.json'));
  });

  test('stops the grading if another version of haet wrote its record: its entry would run again', async () => {
    await put('2026-a', '{"schemaVersion": 1}');
    await expect(find()).rejects.toThrow(
      `${join(folder.path, '2026-a', 'record.json')}: is a record of version 1, but this haet reads version 3. Use the haet that wrote it`,
    );
  });
});

function raised(): string {
  const record = madeUpRecord();
  record.score!.accuracy = 0.99;
  return JSON.stringify(record);
}

test.each<[string, (record: RunRecord) => void, string | null]>([
  ['nothing', () => {}, null],
  [
    'the verdict',
    (record) => Object.assign(record, { verdict: 'CRASHED' }),
    'the verdict is CRASHED, but there is a score',
  ],
  [
    'the score, removed',
    (record) => Object.assign(record, { score: null }),
    'the verdict is SCORED, but there is no score',
  ],
  [
    'the owner',
    (record) => Object.assign(record, { owner: 'organizer' }),
    'SCORED belongs to the contestant, but the record says the organizer',
  ],
  [
    'the right answers',
    (record) => Object.assign(record.score!, { correct: 990, accuracy: 0.99 }),
    'the classes have 850 correct in total, but the score says 990',
  ],
  [
    'the interval',
    (record) => Object.assign(record.score!, { wilson95: [0.98, 0.99] }),
    'the interval is 0.98 to 0.99',
  ],
  [
    'the images',
    (record) => Object.assign(record.score!, { total: 850 }),
    '850 images were scored, but the Track has 1000',
  ],
  [
    'the confusion matrix',
    (record) => record.score!.details!.confusion.push([5, 0]),
    'the confusion matrix is not 2 by 2 counts',
  ],
])('a record with a changed %s is reported', (_, change, expected) => {
  const record = madeUpRecord();
  change(record);
  if (expected === null) expect(contradictionIn(record)).toBeNull();
  else expect(contradictionIn(record)).toContain(expected);
});

describe('attempts', () => {
  test('are counted by their folders: faults, disturbed ones and those whose evaluator died; not those that a person stopped', async () => {
    await put('2026-a', madeUpRecord({ verdict: 'INFRA_FAULT' }));
    await putStart('2026-b', 2);
    await put('2026-c', madeUpRecord({ verdict: 'ABORTED', attempt: 3 }));
    await put('2026-d', madeUpRecord({ attempt: 4, contention: others(40) }));
    const { all, counted, spent } = await read();
    expect(all.map(({ number, voidBecause }) => [number, voidBecause])).toEqual([
      [1, 'fault'],
      [2, 'died'],
      [3, 'stopped'],
      [4, 'disturbed'],
    ]);
    expect({ counted, spent }).toEqual({ counted: null, spent: 3 });
  });

  test('whose evaluator died are not those of other limits, unless their limits are unknown', async () => {
    await putStart('2026-a', 1, { limits: { ...madeUpRecord().limits, trainSeconds: 60 } });
    expect((await read()).all).toEqual([]);
    await writeFile(join(folder.path, '2026-a', 'start.json'), '{');
    expect((await read()).all).toMatchObject([{ number: 1, voidBecause: 'died' }]);
  });

  test('unsigned attempts use up retries', async () => {
    await put('2026-a', madeUpRecord());
    const attestor = { fault: async () => 'it has no record.jws' };
    const { all, spent, doubts } = await readAttempts(folder.path, terms, { ...rules, attestor });
    expect(all).toMatchObject([{ voidBecause: 'unsigned' }]);
    expect({ spent, doubts }).toEqual({
      spent: 1,
      doubts: [expect.stringContaining('it has no record.jws. It does not count.')],
    });
  });

  test('are in the order of their numbers, whatever the names of their folders', async () => {
    await put('2026-z', madeUpRecord({ attempt: 1, correct: 100 }));
    await put('2026-a', madeUpRecord({ attempt: 2, correct: 900 }));
    expect((await read()).counted!.record.score!.correct).toBe(100);
  });
});

describe('a disturbed run', () => {
  test.each<[string, number, number, boolean]>([
    ['nothing', 0, 0, false],
    ['5 % of the CPUs', 10, 0, false],
    ['more than that', 10.1, 0, true],
    ['less than that, but more with stolen time', 6, 4.1, true],
  ])('is one in which others used %s: %d s and %d s stolen: %s', async (_, used, stolen, disturbed) => {
    await put('2026-a', madeUpRecord({ contention: others(used, stolen) }));
    expect((await read()).all[0]!.voidBecause).toBe(disturbed ? 'disturbed' : null);
  });

  test('of a short stage is one in which others used more than a second', async () => {
    for (const [at, seconds] of [1, 1.1].entries()) {
      await put(
        `2026-${at}`,
        madeUpRecord({ attempt: at + 1, trainSeconds: 2, contention: others(seconds) }),
      );
    }
    expect((await read()).all.map((each) => each.voidBecause)).toEqual([null, 'disturbed']);
  });

  test('does not exist with a limit of 100 %, though others used three CPUs beside the one given', async () => {
    await put('2026-a', madeUpRecord({ trainSeconds: 2, contention: others(600) }));
    const { all } = await readAttempts(folder.path, terms, { mostDisturbance: 1 });
    expect(all[0]!.voidBecause).toBe(null);
  });

  test.each([100, 500, 900])('is void with %d of 1000 right as with any other score', async (correct) => {
    await put('2026-a', madeUpRecord({ correct, contention: others(60) }));
    await put('2026-b', madeUpRecord({ attempt: 2, correct: 1000 - correct }));
    await put('2026-c', madeUpRecord({ attempt: 3, correct: 1000 }));
    const { counted } = await read();
    expect(counted!.record.score!.correct).toBe(1000 - correct);
  });

  test.each<[VerdictCode, boolean]>([
    ['SCORED', true],
    ['SCORED_SALVAGED', true],
    ['PREDICT_TIMEOUT', true],
    ['CRASHED', true],
    ['RULE_VIOLATION', false],
    ['REJECTED_ARCHIVE', false],
  ])('with the verdict %s is void: %s', async (verdict, isVoid) => {
    await put('2026-a', madeUpRecord({ verdict, contention: others(60) }));
    expect((await read()).spent).toBe(isVoid ? 1 : 0);
  });
});

test('keeps only start.json and logs of runs without a record; removes runs that never started', async () => {
  await put('done', madeUpRecord());
  await put('torn', '{');
  await mkdir(join(folder.path, 'empty', 'model'), { recursive: true });
  await mkdir(join(folder.path, '.entry-1'));
  await putStart('killed', 1);
  await clearUnfinished(folder.path);
  expect((await readdir(folder.path)).sort()).toEqual(['done', 'killed', 'torn']);
  expect((await readdir(join(folder.path, 'killed'))).sort()).toEqual(['start.json', 'train.stderr.log']);
  expect(existsSync(join(folder.path, 'done', 'record.json'))).toBe(true);
  await clearUnfinished(join(folder.path, 'none'));
});
