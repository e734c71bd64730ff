import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Graded } from '../../../evaluator/grade/leaderboard.ts';
import { leaderboardCsv } from '../../../evaluator/grade/leaderboardCsv.ts';
import { leaderboardMarkdown } from '../../../evaluator/grade/leaderboardMarkdown.ts';
import { escapeMarkdown } from '../../../evaluator/grade/markdown.ts';
import { type Conditions, standingOf } from '../../../evaluator/grade/standing.ts';
import { hash, type Made, madeUpRecord } from './madeUpRecord.ts';

const conditions: Conditions = {
  track: { info: madeUpRecord().track!, sha256: hash('7') },
  seeds: [1, 2],
  trainSeconds: 600,
  predictSeconds: 60,
  sandbox: 'process',
  leftOut: [],
};

function graded(digit: string, archive: string, runs: (Made | null)[]): Graded {
  const records = runs.map((run, at) => run && madeUpRecord({ seed: at + 1, ...run }));
  return { archive, sha256: hash(digit), records };
}
const standing = (...entries: Graded[]) => standingOf(conditions, entries, '/nowhere');

const good = graded('1', 'good.tar', [
  { name: 'Good', correct: 900 },
  { name: 'Good', correct: 910 },
]);
const refused = graded('2', 'bad.tar', [
  { verdict: 'REJECTED_ARCHIVE', evidence: ['bad.tar: member "x" is a Link'] },
  null,
]);
const cells = (line: string) => line.split('|').map((cell) => cell.trim());

describe('the standing', () => {
  test('names the conditions, counts runs by bytes, and lists their jobs', () => {
    expect(standing(good, { ...good, archive: 'copy.tar' }, refused)).toMatchObject({
      track: { name: 'two classes', sha256: hash('7'), testSize: 1000 },
      limits: { trainSeconds: 600, predictSeconds: 60 },
      machines: ['test, 1 core (2 given), 1 GiB (8 given)'],
      evaluators: ['0.1.0 (no commit)'],
      runs: { wanted: 4, done: 3 },
      rows: [{ rank: 1, runs: [{ job: 'job-s1' }, { job: 'job-s2' }] }, {}, {}],
    });
  });
});

describe('what was left out of the folder', () => {
  const leftOut = [
    { file: 'notes|.txt', reason: 'its name does not end in .tar' },
    { file: '=team.7z', reason: 'this is a 7z archive' },
  ];
  const with2 = standingOf({ ...conditions, leftOut }, [good], '/nowhere');

  test('stands in leaderboard.json', () => {
    expect(with2.leftOut).toEqual(leftOut);
    expect(standing(good).leftOut).toEqual([]);
  });

  test('stands in leaderboard.csv, one line each after the archives', () => {
    const lines = leaderboardCsv(with2).split('\r\n');
    expect(lines).toHaveLength(5);
    const [head, , first, second] = lines.map((line) => line.split(','));
    expect(first![head!.indexOf('archive')]).toBe('notes|.txt');
    expect(first![head!.indexOf('note')]).toBe('left out: its name does not end in .tar');
    expect(second![head!.indexOf('archive')]).toBe("'=team.7z");
    expect(first!.filter((cell) => cell !== '')).toHaveLength(2);
  });

  test('stands in leaderboard.md, escaped', () => {
    const text = leaderboardMarkdown(with2);
    expect(text).toContain('## Left out');
    expect(text).toContain('| notes&#124;.txt | its name does not end in .tar |');
    expect(leaderboardMarkdown(standing(good))).not.toContain('Left out');
  });
});

describe('leaderboard.md', () => {
  test('shows the number of signed records and the last one, if there are any', () => {
    expect(leaderboardMarkdown(standing(good))).not.toContain('signed');
    const chain = { number: 7, sha256: hash('9') };
    expect(leaderboardMarkdown({ ...standing(good), chain })).toContain(
      `- Records signed: 7; sha256 of the last, for \`haet verify --head\`: ${hash('9')}\n`,
    );
  });

  test('has a row for each ranked entry, and one for each other with evidence and advice', () => {
    const text = leaderboardMarkdown(standing(good, refused));
    const row = cells(text.split('\n').find((line) => line.includes('| Good |'))!);
    expect(row.slice(1, 6)).toEqual([
      '1',
      'Good',
      'us',
      '90.50',
      expect.stringMatching(/^84\.15 to 96\.85$/),
    ]);
    expect(row).toContain('s1 s2');
    const other = cells(text.slice(text.indexOf('## Without a rank')).split('\n').at(-2)!);
    expect(other[1]).toBe('REJECTED_ARCHIVE');
    expect(other).toContain('Fix what the evidence names and send the entry again.');
    expect(text).toContain('Runs done: 3 of 4');
    expect(text).toContain('bad.tar');
    expect(text).not.toContain('/archives');
  });

  test('before the first run states that nothing has been scored, and what will be run', () => {
    const text = leaderboardMarkdown(standing(graded('3', 'new.tar', [null, null])));
    expect(text).toContain('No entry has been scored.');
    expect(text).toMatch(/\| not run yet \|.*\| new\.tar \|/);
  });

  test('hostile text cannot change the number of cells', () => {
    const attack =
      '|`[x](javascript:alert(1))<script>|\\|*_~~#&lt;@everyone www.evil.example https://evil.example';
    const text = leaderboardMarkdown(
      standing(
        graded('4', `${attack}\u001b[2J\n.tar`, [
          { name: attack, team: attack },
          { name: attack, team: attack },
        ]),
        graded('5', 'b.tar', [
          { name: attack, team: attack, verdict: 'REJECTED_ARCHIVE', evidence: [attack] },
          null,
        ]),
      ),
    );
    const tables = text.split('\n\n').filter((part) => part.startsWith('|'));
    expect(tables).toHaveLength(2);
    for (const table of tables) {
      const counts = table
        .trimEnd()
        .split('\n')
        .map((line) => cells(line).length);
      expect(new Set(counts).size).toBe(1);
    }
    for (const inert of ['<script', '[x]', '`', '@everyone', 'www.evil', 'https:', '\u001b', '~~']) {
      expect(text).not.toContain(inert);
    }
  });
});

describe('repeats, decisions and archives that are not run', () => {
  const attack = '|<b>=1+1\u001b[2J';
  const rows = standing(
    {
      ...good,
      repeats: [{ seed: 2, attempt: 1, verdict: null, reason: 'the evaluator died during it' }],
      decisions: [{ seed: 2, at: '2026-11-21T10:41:23.000Z', because: attack }],
    },
    { ...graded('8', 'stuck.tar', [null, null]), toDecide: [1, 2] },
    { ...graded('9', 'tenth.tar', []), refused: 'not run: more than the 9 that a team may send' },
  );

  test('are in all three forms', () => {
    const [first, ...others] = rows.rows;
    expect(first).toMatchObject({ rank: 1, repeats: [{ attempt: 1 }], decisions: [{ because: attack }] });
    const text = leaderboardMarkdown(rows);
    expect(text).toContain('seed 2, attempt 1 does not count&#58; the evaluator died during it');
    expect(text).toContain('one more attempt allowed');
    expect(text).not.toContain('<b>');
    const state = (archive: string) => cells(text.split('\n').find((line) => line.includes(archive))!)[1];
    expect([state('stuck.tar'), state('tenth.tar')]).toEqual(['needs a decision', 'not run']);
    expect(others.map((row) => [row.archive, row.rank, row.verdict])).toEqual([
      ['stuck.tar', null, null],
      ['tenth.tar', null, null],
    ]);
    const csv = leaderboardCsv(rows);
    expect(csv).toContain('the evaluator died during it');
    expect(csv).toContain('seed 1: needs a decision; seed 2: needs a decision');
    expect(csv).toContain('not run: more than the 9 that a team may send');
  });

  test('an archive that is not run is not among the pending runs', () => {
    expect(rows.runs).toEqual({ wanted: 4, done: 2 });
  });
});

test('escaped Markdown contains no special characters, and displays the original text', () => {
  const shown = (text: string) => text.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const escaped = escapeMarkdown(text);
      expect(shown(escaped)).toBe(text);
      expect(escaped.replaceAll(/&#\d+;/g, '')).not.toMatch(/[\\`*_{}[\]<>#!|~&@:$^\p{Cc}]/u);
    }),
  );
});

describe('leaderboard.csv', () => {
  test('has a line for each archive, in order, with full precision', () => {
    const lines = leaderboardCsv(standing(good, refused)).trimEnd().split('\r\n');
    expect(lines[0]).toBe(
      'rank,name,team,archive,verdict,accuracy,standard_deviation,runs_scored,low_95,high_95,separated_from_above,train_seconds,evidence,advice,note,repeats,sha256,baseline,other_hardware',
    );
    expect(lines[1]).toMatch(
      /^1,Good,us,good\.tar,SCORED,0\.905,0\.00707\d+,2,0\.84\d+,0\.96\d+,,200,,,,,1{64},false,$/,
    );
    expect(lines[2]).toBe(
      `,,,bad.tar,REJECTED_ARCHIVE,,,0,,,,100,"bad.tar: member ""x"" is a Link",Fix what the evidence names and send the entry again.,,,${hash('2')},false,`,
    );
    expect(lines).toHaveLength(3);
  });

  test('a team cannot inject a formula', () => {
    const text = leaderboardCsv(standing(graded('6', '=cmd.tar', [{ name: '@A', team: '=1+1' }, null])));
    expect(text).toContain(",'@A,'=1+1,'=cmd.tar,");
  });
});

describe('a baseline', () => {
  const baseline = {
    ...graded('a', 'base.tar', [
      { name: 'Base', correct: 850 },
      { name: 'Base', correct: 850 },
    ]),
    baseline: true,
  };
  const broken = { ...graded('b', 'broken.tar', [{ verdict: 'CRASHED' }, null]), baseline: true };
  const low = graded('c', 'low.tar', [
    { name: 'Low', correct: 700 },
    { name: 'Low', correct: 700 },
  ]);
  const with3 = standing(baseline, good, low, broken);
  const lineOf = (text: string, archive: string) => text.split('\n').find((line) => line.includes(archive))!;

  test('stands between its neighbours without a rank, in all three forms', () => {
    expect(with3.rows.map(({ archive, rank, baseline }) => [archive, rank, baseline])).toEqual([
      ['good.tar', 1, false],
      ['base.tar', null, true],
      ['low.tar', 2, false],
      ['broken.tar', null, true],
    ]);
    const text = leaderboardMarkdown(with3);
    expect(cells(lineOf(text, 'base.tar')).slice(1, 5)).toEqual(['baseline', 'Base', 'us', '85.00']);
    expect(text.indexOf('base.tar')).toBeLessThan(text.indexOf('## Without a rank'));
    expect(cells(lineOf(text, 'broken.tar'))[1]).toBe('baseline: CRASHED');
    const csv = leaderboardCsv(with3);
    expect(lineOf(csv, 'base.tar')).toMatch(/^,Base,.*,true,\r$/);
    expect(lineOf(csv, 'low.tar')).toMatch(/^2,Low,.*,false,\r$/);
  });
});

test('hardware that differs between neighbours in rank is listed beside both, in all three forms', () => {
  const on = (name: string, correct: number, cpu: string, digit: string) =>
    graded(digit, `${name}.tar`, [
      { name, correct, machine: { cpu } },
      { name, correct, machine: { cpu: 'A' } },
    ]);
  const mixed = standing(
    on('first', 900, 'A', '1'),
    on('|second', 800, 'B', '2'),
    on('third', 700, 'A', '3'),
  );
  const text = leaderboardMarkdown(mixed);
  expect(text).toContain('**Different hardware**: A, 1 core (2 given), 1 GiB (8 given); B, ');
  const lineOf = (name: string) => text.split('\n').find((line) => line.includes(`${name}.tar |`))!;
  expect(lineOf('| first')).toContain(
    'ran on other hardware than &#124;second.tar, which may have decided the order',
  );
  expect(lineOf('second')).toContain('ran on other hardware than first.tar and third.tar');
  expect(leaderboardCsv(mixed)).toMatch(/,first\.tar; third\.tar\r\n/);
  const same = standing(on('first', 900, 'A', '1'), on('second', 800, 'A', '2'));
  expect(leaderboardMarkdown(same)).not.toMatch(/other hardware|Different/);
});
