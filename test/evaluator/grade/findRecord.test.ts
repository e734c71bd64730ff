import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { archiveLimitsSchema } from '../../../evaluator/archive/limits.ts';
import {
  contradictionIn,
  findRecord,
  removeUnfinished,
  type Terms,
} from '../../../evaluator/grade/findRecord.ts';
import { type RunRecord, runRecordSchema } from '../../../evaluator/record.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';
import { hash, madeUpRecord } from './madeUpRecord.ts';

const folder = temporaryFolder();
const terms: Terms = {
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
const find = (change: Partial<Terms> = {}) => findRecord(folder.path, { ...terms, ...change });

describe('findRecord', () => {
  test('takes a refusal up under the same limits of intake alone, and another result under any', async () => {
    const larger = { intake: archiveLimitsSchema.parse({ archiveBytes: 2 ** 30 }) };
    await put('refused', madeUpRecord({ verdict: 'REJECTED_ARCHIVE' }));
    expect((await find()).record).toMatchObject({ verdict: 'REJECTED_ARCHIVE' });
    expect((await find(larger)).record).toBeNull();
    await put('scored', madeUpRecord());
    expect((await find(larger)).record).toMatchObject({ verdict: 'SCORED' });
  });

  test('finds the record, and where it lies now', async () => {
    await put('2026-a', madeUpRecord());
    expect(await find()).toEqual({
      record: { ...runRecordSchema.parse(madeUpRecord()), folder: join(folder.path, '2026-a') },
      doubts: [],
    });
  });

  test('finds nothing where nothing is, or only what never ended', async () => {
    expect(await find()).toEqual({ record: null, doubts: [] });
    expect(await findRecord(join(folder.path, 'none'), terms)).toEqual({ record: null, doubts: [] });
    await mkdir(join(folder.path, '2026-a', 'model'), { recursive: true });
    expect(await find()).toEqual({ record: null, doubts: [] });
  });

  test('takes the first result: a later one does not replace it', async () => {
    await put('2026-b', madeUpRecord({ correct: 900 }));
    await put('2026-a', madeUpRecord({ correct: 100 }));
    expect((await find()).record!.score!.correct).toBe(100);
  });

  test.each(['INFRA_FAULT', 'ABORTED'] as const)(
    'passes over %s, which is to be run again',
    async (verdict) => {
      await put('2026-a', madeUpRecord({ verdict }));
      expect(await find()).toEqual({ record: null, doubts: [] });
      await put('2026-b', madeUpRecord());
      expect((await find()).record!.verdict).toBe('SCORED');
    },
  );

  test.each(['CRASHED', 'REJECTED_ARCHIVE', 'RULE_VIOLATION', 'PREDICT_TIMEOUT'] as const)(
    'takes %s for a result',
    async (verdict) => {
      await put('2026-a', madeUpRecord({ verdict }));
      expect((await find()).record!.verdict).toBe(verdict);
    },
  );

  test.each<[string, Partial<Terms>]>([
    ['other bytes', { archiveSha256: hash('b') }],
    ['another seed', { seed: 2 }],
    ['another Track', { track: { ...madeUpRecord().track!, name: 'another' } }],
    ['another sandbox', { sandbox: 'docker' }],
    ['another budget', { limits: { ...terms.limits, trainSeconds: 60 } }],
    ['other CPUs', { limits: { ...terms.limits, cpus: 3 } }],
  ])('does not take a record for that of %s', async (_, change) => {
    await put('2026-a', madeUpRecord());
    expect(await find(change)).toEqual({ record: null, doubts: [] });
  });

  test.each<[string, string, string]>([
    ['torn', JSON.stringify(madeUpRecord()).slice(0, 500), 'is not the record of a run'],
    ['empty', '', 'is not the record of a run'],
    ['of another form', '{"schemaVersion": 2}', 'is not the record of a run'],
    ['that contradicts itself', raised(), 'accuracy 0.99, but 850 of 1000 right'],
  ])('does not count a record %s, and says so', async (_, text, why) => {
    await put('2026-a', text);
    const { record, doubts } = await find();
    expect(record).toBeNull();
    expect(doubts).toEqual([expect.stringContaining(why)]);
    expect(doubts[0]).toContain(join(folder.path, '2026-a', 'record.json'));
  });
});

function raised(): string {
  const record = madeUpRecord();
  record.score!.accuracy = 0.99;
  return JSON.stringify(record);
}

test.each<[string, (record: RunRecord) => void, string | null]>([
  ['nothing', () => {}, null],
  ['the verdict', (record) => Object.assign(record, { verdict: 'CRASHED' }), 'CRASHED with a score'],
  ['the score, removed', (record) => Object.assign(record, { score: null }), 'SCORED without a score'],
  ['the owner', (record) => Object.assign(record, { owner: 'organizer' }), 'not the doing of the organizer'],
  [
    'the right answers',
    (record) => Object.assign(record.score!, { correct: 990 }),
    '990 right answers, but 850',
  ],
  ['the interval', (record) => Object.assign(record.score!, { wilson95: [0.98, 0.99] }), 'the interval 0.98'],
  ['the images', (record) => Object.assign(record.score!, { total: 850 }), 'a score of 850 images'],
  [
    'the confusion matrix',
    (record) => record.score!.details!.confusion.push([5, 0]),
    'a score of 1000 images',
  ],
])('a record of which somebody changed %s is told', (_, change, expected) => {
  const record = madeUpRecord();
  change(record);
  if (expected === null) expect(contradictionIn(record)).toBeNull();
  else expect(contradictionIn(record)).toContain(expected);
});

test('only what has no record is removed as unfinished', async () => {
  await put('done', madeUpRecord());
  await put('torn', '{');
  await mkdir(join(folder.path, 'killed', 'model'), { recursive: true });
  await mkdir(join(folder.path, '.entry-1'));
  await removeUnfinished(folder.path);
  expect((await readdir(folder.path)).sort()).toEqual(['done', 'torn']);
  await removeUnfinished(join(folder.path, 'none'));
});
