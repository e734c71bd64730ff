import { describe, expect, test } from '@jest/globals';
import { type Attempt, attemptsOf } from '../../../../evaluator/grade/attempts.ts';
import { type Judgement, voidedBy } from '../../../../evaluator/grade/canary/canaryLog.ts';
import { shownCanaries, withoutVoided } from '../../../../evaluator/grade/canary/voidedRuns.ts';
import { leaderboardMarkdown } from '../../../../evaluator/grade/leaderboardMarkdown.ts';
import { standingOf } from '../../../../evaluator/grade/standing.ts';
import type { VoidReason } from '../../../../evaluator/grade/voidReasons.ts';
import { hash, madeUpRecord } from '../madeUpRecord.ts';

const judged = (node: string, number: number, found: Judgement['found']): Judgement => ({
  ...{
    schemaVersion: 1,
    at: `2026-11-21T10:4${number}:00.000Z`,
    node,
    number,
    run: `attempt-${number}`,
    found,
  },
  because: found === 'good' ? null : 'its canary was slow',
  ...{ accuracy: 0.9, imagesPerSecond: 12, band: { accuracy: null, imagesPerSecond: null } },
  done: found === 'bad' ? 'drained' : null,
});
/** Judgements of one node, one letter per canary: good, bad, unusable, or not judged yet. */
const canaries = (letters: string, node = 'n1'): Judgement[] =>
  [...letters].flatMap((letter, at) => {
    const found = ({ g: 'good', b: 'bad', u: 'unusable' } as const)[letter];
    return found === undefined ? [] : [judged(node, at + 1, found)];
  });
const attempt = (number: number, after: number | null, voidBecause: VoidReason | null = null): Attempt => ({
  ...{ number, folder: `/job/attempt-${number}`, record: madeUpRecord({ attempt: number }), voidBecause },
  ...(after !== null && { canary: { node: 'n1', number: after } }),
});

describe('runs on a machine are void from its last good canary to the next', () => {
  test.each<[string, number[]]>([
    ['g', []],
    ['gg', []],
    ['b', [1]],
    ['gb', [1, 2]],
    ['ggb', [2, 3]],
    ['gbg', [1, 2]],
    ['gbbg', [1, 2, 3]],
    ['gbgg', [1, 2]],
    // One that says nothing is as if it had not run.
    ['gub', [1, 2, 3]],
    ['gug', []],
    ['ub', [1, 2]],
    // One that is not judged yet voids nothing.
    ['g-', []],
    ['-b', [1, 2]],
    ['-', []],
  ])('%s: after canary %j', (letters, expected) => {
    const log = [...canaries('bbbbb', 'n2'), ...canaries(letters).reverse()];
    const numbers = [...letters].map((_, at) => at + 1);
    expect(numbers.filter((number) => voidedBy({ node: 'n1', number }, log) !== null)).toEqual(expected);
  });
});

test('a void run uses no retry, whatever it was: also a fault is not held against the entry', () => {
  const before = attemptsOf([attempt(1, 1, 'fault'), attempt(2, 1, 'disturbed'), attempt(3, 1)], []);
  const { all, counted, spent } = withoutVoided(before, canaries('gb'));
  expect({ counted, spent, reasons: all.map(({ voidBecause }) => voidBecause) }).toEqual({
    counted: null,
    spent: 0,
    reasons: ['canary', 'canary', 'canary'],
  });
});

test('runs without a canary, on other machines, or void for another reason stay as they are', () => {
  const other = { ...attempt(4, null), canary: { node: 'n2', number: 1 } };
  const before = attemptsOf(
    [attempt(1, 1, 'stopped'), attempt(2, 1, 'replaced'), attempt(3, null), other],
    [],
  );
  expect(withoutVoided(before, canaries('gb'))).toEqual(before);
  expect(withoutVoided(before, canaries('gg'))).toBe(before);
});

test('the leaderboard says which node, why, and how many of its runs were made again', () => {
  const log = [...canaries('gb'), { ...judged('n2', 1, 'bad'), done: 'left out' as const }];
  const job = (attempts: Attempt[]) => ({ attempts: withoutVoided(attemptsOf(attempts, []), log) });
  const states = [job([attempt(1, 1), attempt(2, null)]), job([attempt(1, 2)]), job([attempt(1, null)])];
  const shown = shownCanaries(log, states);
  const because = 'its canary was slow';
  expect(shown).toEqual([
    { node: 'n1', at: log[1]!.at, because, done: 'drained', runs: 2, again: 1 },
    { node: 'n2', at: log[2]!.at, because, done: 'left out', runs: 0, again: 0 },
  ]);
  const conditions = {
    track: { info: madeUpRecord().track!, sha256: hash('f') },
    ...{ seeds: [1], trainSeconds: 600, predictSeconds: 60, sandbox: 'docker' as const, leftOut: [] },
    canaries: shown,
  };
  const page = leaderboardMarkdown(standingOf(conditions, [], '/nowhere'));
  expect(page).toContain(
    `- Node n1 was drained ${log[1]!.at}: its canary was slow. 2 runs there since its last good canary do not count; 1 of 2 has been made again.`,
  );
  expect(page).toContain(`- Node n2 was left out ${log[2]!.at}: its canary was slow. No run is affected.`);
});
