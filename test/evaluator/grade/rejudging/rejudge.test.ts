import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { exportBundle } from '../../../../evaluator/grade/bundle/exportBundle.ts';
import { verifyFolder } from '../../../../evaluator/grade/bundle/verifyBundle.ts';
import { issueAttempt } from '../../../../evaluator/grade/issued.ts';
import { matchesAny } from '../../../../evaluator/grade/rejudging/filePattern.ts';
import {
  compareRejudging,
  endRejudging,
  type Selection,
  startRejudging,
} from '../../../../evaluator/grade/rejudging/rejudge.ts';
import type { Standing } from '../../../../evaluator/grade/standing.ts';
import { unpackArchive } from '../../../../evaluator/intake/unpackArchive.ts';
import { temporaryFolder } from '../../fixtures.ts';
import { addRun, judge, type MadeRun, makeGrading } from '../bundle/madeUpGrading.ts';
import { madeUpRecord } from '../madeUpRecord.ts';

let folder: string;
let out: string;
beforeEach(async () => {
  folder ??= await temporaryFolder();
  out = await mkdtemp(join(folder, 'out-'));
  await makeGrading(out, { runs: usual, baselines: [] });
});

/** a is first with both seeds, b second; each lies beside a fault of the machine. */
const usual: MadeRun[] = [
  { archive: 'a', run: 'r1', name: 'A', correct: 900 },
  { archive: 'a', run: 'r2', name: 'A', seed: 2, verdict: 'INFRA_FAULT' },
  { archive: 'a', run: 'r3', name: 'A', seed: 2, correct: 880, attempt: 2 },
  { archive: 'b', run: 'r1', name: 'B', verdict: 'CRASHED' },
  { archive: 'b', run: 'r2', name: 'B', seed: 2, correct: 810 },
];
const all: Selection = { files: [], seeds: [], verdicts: [] };
const start = (selection: Partial<Selection> = {}) =>
  startRejudging(out, { ...all, ...selection }, 'a bug in the image');
const standing = async (): Promise<Standing> =>
  JSON.parse(await readFile(join(out, 'public/leaderboard.json'), 'utf8'));
/** Returns the leaderboard without what is said of rejudgings. */
const results = async () =>
  (await standing()).rows.map(({ archive, rank, verdict, accuracy }) => [archive, rank, verdict, accuracy]);
const before = [
  ['a.tar.gz', 1, 'SCORED', expect.closeTo(0.89)],
  ['b.tar.gz', null, 'CRASHED', expect.closeTo(0.81)],
];
/** Makes the runs of a rejudging of b, as `haet grade` would. */
async function makeNew() {
  await addRun(out, { archive: 'b', run: 'r8', name: 'B', correct: 950, attempt: 2 });
  await addRun(out, { archive: 'b', run: 'r9', name: 'B', seed: 2, correct: 940, attempt: 2 });
  await judge(out);
}

describe('a rejudging', () => {
  test('selects results by name, pattern, seed and verdict', async () => {
    for (const [selection, runs] of [
      [{}, 4],
      [{ files: ['a.tar.gz'] }, 2],
      [{ files: ['?.tar.gz'], seeds: [2] }, 2],
      [{ files: ['b*'], verdicts: ['CRASHED'] }, 1],
    ] as [Partial<Selection>, number][]) {
      expect([selection, (await start(selection)).runs]).toEqual([selection, runs]);
      await endRejudging(out, 'cancel');
    }
  });

  test('is not cancelled while the cluster still runs one of its attempts', async () => {
    await start({ files: ['b*'] });
    const { attempt, track, limits, sandbox } = madeUpRecord({ attempt: 2 });
    const attemptFolder = await issueAttempt(join(out, 'runs', `${'b'.repeat(16)}-t77777777-s1`), {
      ...{ attempt, archiveSha256: 'b'.repeat(64), track: track!, seed: 1, limits },
      sandbox: { kind: sandbox.kind },
    });
    await expect(endRejudging(out, 'cancel')).rejects.toThrow(
      'rejudging 1 cannot be cancelled, because 1 of its runs is still in Slurm. End them first',
    );
    await rm(attemptFolder, { recursive: true });
    expect(await endRejudging(out, 'cancel')).toMatchObject({ state: 'cancelled' });
  });

  test.each<[string, Partial<Selection>, string]>([
    ['a name', { files: ['c.tar.gz'] }, 'c.tar.gz: no archive with a result has this name'],
    ['a pattern', { files: ['a*', 'x*'] }, 'x*: no archive'],
    ['a seed', { seeds: [7] }, '--seed 7: no result has this seed. Give one of 1, 2.'],
    ['a verdict', { verdicts: ['DISK_FULL'] }, '--verdict DISK_FULL: no result has this verdict'],
    ['all conditions together', { files: ['a*'], verdicts: ['CRASHED'] }, 'no result meets all conditions'],
  ])('that selects nothing is refused, and %s is named', async (_, selection, why) => {
    await expect(start(selection)).rejects.toThrow(why);
    expect(await readdir(out)).not.toContain('rejudgings.jsonl');
  });

  test('changes no result while it is open, and the leaderboard says that it is', async () => {
    await start({ files: ['b*'] });
    await makeNew();
    expect(await results()).toEqual(before);
    expect((await standing()).rejudgings).toEqual([
      {
        number: 1,
        state: 'open',
        since: expect.any(String),
        endedAt: null,
        reason: 'a bug in the image',
        runs: 2,
        done: 2,
      },
    ]);
    const text = await readFile(join(out, 'public/leaderboard.md'), 'utf8');
    expect(text).toContain('**Rejudging 1 of 2 runs is open**');
    // The rows do not even say that there is a new attempt.
    expect(JSON.stringify((await standing()).rows)).not.toContain('"attempt":2');
  });

  test('shows verdicts, scores and ranks before and after, once every run is made', async () => {
    await start({ files: ['b*'] });
    await addRun(out, { archive: 'b', run: 'r8', name: 'B', correct: 950, attempt: 2 });
    expect(await compareRejudging(out)).toMatchObject({
      missing: 1,
      ranks: [],
      changes: [
        {
          seed: 1,
          before: { verdict: 'CRASHED', accuracy: null },
          after: { verdict: 'SCORED', accuracy: 0.95 },
        },
        { seed: 2, before: { verdict: 'SCORED', accuracy: 0.81 }, after: null, needsDecision: false },
      ],
    });
    await addRun(out, { archive: 'b', run: 'r9', name: 'B', seed: 2, correct: 940, attempt: 2 });
    expect(await compareRejudging(out)).toMatchObject({
      missing: 0,
      ranks: [
        { archive: 'a.tar.gz', before: 1, after: 2 },
        { archive: 'b.tar.gz', before: null, after: 1 },
      ],
    });
    expect(await results()).toEqual(before);
  });

  test('is applied as a whole: the earlier attempts are listed and no longer count', async () => {
    await start({ files: ['b*'] });
    await makeNew();
    await endRejudging(out, 'apply');
    expect(await results()).toEqual([
      ['b.tar.gz', 1, 'SCORED', expect.closeTo(0.945)],
      ['a.tar.gz', 2, 'SCORED', expect.closeTo(0.89)],
    ]);
    const { rows, rejudgings } = await standing();
    expect(rejudgings).toMatchObject([{ state: 'applied', runs: 2, done: 2 }]);
    expect(rows[0]!.repeats).toEqual([
      { seed: 1, attempt: 1, verdict: 'CRASHED', reason: 'replaced by a rejudging' },
      { seed: 2, attempt: 1, verdict: 'SCORED', reason: 'replaced by a rejudging' },
    ]);
    await expect(endRejudging(out, 'apply')).rejects.toThrow('no rejudging is open (number 1 was applied at');
  });

  test('is not applied while a run has no new result, and names it', async () => {
    await start({ files: ['b*'] });
    await addRun(out, { archive: 'b', run: 'r8', name: 'B', correct: 950, attempt: 2 });
    await addRun(out, { archive: 'b', run: 'r9', name: 'B', seed: 2, verdict: 'INFRA_FAULT', attempt: 2 });
    const log = await readFile(join(out, 'rejudgings.jsonl'), 'utf8');
    await expect(endRejudging(out, 'apply')).rejects.toMatchObject({
      message: expect.stringContaining(
        'rejudging 1 cannot be applied, because 1 of its runs has no new result',
      ),
      details: ['b.tar.gz, seed 2: not run yet'],
    });
    await addRun(out, { archive: 'b', run: 'ra', name: 'B', seed: 2, verdict: 'INFRA_FAULT', attempt: 3 });
    await expect(endRejudging(out, 'apply')).rejects.toMatchObject({
      details: ['b.tar.gz, seed 2: needs a decision'],
    });
    expect(await readFile(join(out, 'rejudgings.jsonl'), 'utf8')).toBe(log);
    await judge(out);
    expect(await results()).toEqual(before);
    expect((await standing()).rows.map(({ toDecide }) => toDecide)).toEqual([[], []]);
  });

  test('that is cancelled leaves the earlier results, and what was made for it never counts', async () => {
    await start({ files: ['b*'] });
    await makeNew();
    await endRejudging(out, 'cancel');
    expect(await results()).toEqual(before);
    const { rows, rejudgings } = await standing();
    expect(rejudgings).toMatchObject([{ state: 'cancelled' }]);
    expect(rows[1]!.repeats.map(({ reason }) => reason)).toEqual([
      'made for a rejudging that was cancelled',
      'made for a rejudging that was cancelled',
    ]);
    // A second one starts from the first results, and counts from one again.
    expect(await start({ files: ['b*'] })).toEqual({ number: 2, runs: 2 });
    await addRun(out, { archive: 'b', run: 'rb', name: 'B', correct: 700, attempt: 3 });
    expect((await compareRejudging(out)).changes[0]).toMatchObject({
      before: { verdict: 'CRASHED' },
      after: { accuracy: 0.7 },
    });
  });

  test('is refused while another is open', async () => {
    await start();
    await expect(start()).rejects.toThrow('rejudging 1 is open since');
  });

  test.each(['apply', 'cancel'] as const)('%s is refused if none is open', async (action) => {
    await expect(endRejudging(out, action)).rejects.toThrow('no rejudging is open (there was none yet)');
    await expect(compareRejudging(out)).rejects.toThrow('no rejudging is open');
  });

  test('a kill between the log and the leaderboard is made good by the next command', async () => {
    const old = await mkdtemp(join(folder, 'old-'));
    await start({ files: ['b*'] });
    await makeNew();
    await cp(join(out, 'public'), old, { recursive: true });
    await endRejudging(out, 'apply');
    const applied = await results();
    await cp(old, join(out, 'public'), { recursive: true });
    await compareRejudging(out);
    expect(await results()).toEqual(applied);
  });

  test.each<[string, (lines: string[]) => string[]]>([
    ['a line that is no step', (lines) => [...lines, '{}']],
    ['an end without a start', (lines) => lines.slice(1)],
    ['a start twice', (lines) => [lines[0]!, lines[0]!]],
  ])('a log with %s is refused by line', async (_, change) => {
    await start();
    await endRejudging(out, 'cancel');
    const path = join(out, 'rejudgings.jsonl');
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    await writeFile(path, `${change(lines).join('\n')}\n`);
    await expect(start()).rejects.toThrow(/rejudgings\.jsonl, line \d: .*Restore the file/);
  });

  test('is in the bundle, whose leaderboard does not follow without it', async () => {
    await start({ files: ['b*'] });
    await makeNew();
    await endRejudging(out, 'apply');
    const bundle = join(out, 'records.tar.gz');
    await exportBundle(out, bundle);
    const content = join(out, 'content');
    await unpackArchive(bundle, content);
    expect((await verifyFolder(content, { key: null })).holds).toBe(true);
    const log = await readFile(join(content, 'rejudgings.jsonl'), 'utf8');
    expect(
      log
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).action),
    ).toEqual(['start', 'apply']);
    await rm(join(out, 'rejudgings.jsonl'));
    await expect(exportBundle(out, bundle)).rejects.toThrow('does not follow from the records');
  });
});

test.each<[string, string, boolean]>([
  ['a.tar.gz', 'a.tar.gz', true],
  ['a.tar.gz', 'a.tar', false],
  ['a.tar.gz', '*', true],
  ['a.tar.gz', 'axtar.gz', false],
  ['team-12.zip', 'team-??.zip', true],
  ['team-1.zip', 'team-??.zip', false],
  ['[x]+(1).zip', '[x]+(1).*', true],
  ['x.zip', '[x].zip', false],
  ['ü😀.zip', '??.zip', true],
  ['*.zip', '*.zip', true],
])('%s matches %s: %s', (file, pattern, matches) => {
  expect(matchesAny(file, [pattern])).toBe(matches);
});
