import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import type { Judgement } from '../../../../evaluator/grade/canary/canaryLog.ts';
import {
  canaryFolder,
  countRun,
  isDue,
  issueCanary,
  type LastCanary,
  readLastCanary,
} from '../../../../evaluator/grade/canary/canaryRuns.ts';
import type { JobTerms } from '../../../../evaluator/grade/terms.ts';
import { writeRecord } from '../../../../evaluator/run/runFolder.ts';
import { writeUnscored } from '../../../../evaluator/run/unscored.ts';
import { temporaryFolder } from '../../fixtures.ts';
import { madeUpRecord } from '../madeUpRecord.ts';

const last: LastCanary = {
  number: 1,
  folder: '/1',
  hasEnded: true,
  isOnTerms: true,
  found: 'good',
  since: 0,
};

test.each<[string, LastCanary | null, boolean]>([
  ['it has not run on the machine', null, true],
  ['it was good', last, false],
  ['it is not judged yet', { ...last, found: null }, false],
  ['K - 1 runs began since', { ...last, since: 2 }, false],
  ['K runs began since', { ...last, since: 3 }, true],
  ['K runs began since one that is not judged yet', { ...last, since: 3, found: null }, true],
  ['it was out of its band, and the machine is back', { ...last, found: 'bad' }, true],
  ['it was stopped', { ...last, found: 'unusable' }, true],
  ['its evaluator died', { ...last, hasEnded: false, found: null }, true],
  ['it was another one, or on other terms', { ...last, isOnTerms: false }, true],
])('whether the canary is due when %s', (_, before, due) => {
  expect(isDue(before, 3)).toBe(due);
});

const record = madeUpRecord();
const { archiveSha256, track, seed, sandbox, limits, intake } = record;
const terms: JobTerms = {
  ...{ archiveSha256: archiveSha256!, track: track!, seed, limits, intake },
  sandbox: sandbox.kind,
};
const start = { archiveSha256, track, seed, limits, sandbox: { kind: sandbox.kind } };
let out: string;
beforeEach(async () => {
  out = await temporaryFolder();
});
const read = (log: Judgement[] = []) => readLastCanary(out, 'n1', terms, log);

test('no folder is issued twice', async () => {
  const issued = await Promise.all([1, 1, 1].map((attempt) => issueCanary(out, 'n1', { ...start, attempt })));
  expect(new Set(issued).size).toBe(3);
});

test('the last canary is read from disk: died, waiting for its score, ended; with the runs since', async () => {
  expect(await read()).toBe(null);
  // More than nine, because names are sorted as text.
  for (let attempt = 1; attempt <= 10; attempt++) await issueCanary(out, 'n1', { ...start, attempt });
  const folder = join(canaryFolder(out, 'n1'), 'attempt-10');
  const died = { number: 10, folder, hasEnded: false, isOnTerms: true, found: null, since: 0 };
  expect(await read()).toEqual(died);
  await writeUnscored({ ...record, attempt: 10, folder }, null);
  expect(await read()).toEqual({ ...died, hasEnded: true });
  await writeRecord(folder, { ...record, attempt: 10, folder });
  await countRun(folder);
  await countRun(folder);
  const judgement = { node: 'n1', number: 10, run: basename(folder), found: 'good' } as Judgement;
  expect(await read([judgement])).toEqual({ ...died, hasEnded: true, found: 'good', since: 2 });
  expect(await read([{ ...judgement, node: 'n2' }])).toMatchObject({ found: null });
  const other = { ...terms, archiveSha256: 'f'.repeat(64) };
  expect(await readLastCanary(out, 'n1', other, [])).toMatchObject({ isOnTerms: false });
});

test('a folder that a kill left empty does not hide the canary before it, and leaves no gap in the numbers', async () => {
  const folder = await issueCanary(out, 'n1', { ...start, attempt: 1 });
  await writeRecord(folder, { ...record, folder });
  await mkdir(join(canaryFolder(out, 'n1'), 'attempt-2'));
  expect(await read()).toMatchObject({ number: 1, hasEnded: true });
  expect(basename(await issueCanary(out, 'n1', { ...start, attempt: 2 }))).toBe('attempt-3');
  expect(await read()).toMatchObject({ number: 2, hasEnded: false });
});
