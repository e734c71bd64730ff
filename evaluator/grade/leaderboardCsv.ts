import { plainText } from '../../datasets/plainText.ts';
import { type Cell, formatCsv } from './csv.ts';
import type { Row } from './leaderboard.ts';
import { remarksOf } from './repeats.ts';
import type { Standing } from './standing.ts';

const text = (value: string | null): Cell => (value === null ? null : plainText(value));

/** Columns of leaderboard.csv. Accuracies are fractions of 1, times seconds. */
const columns: readonly (readonly [name: string, cell: (row: Row) => Cell])[] = [
  ['rank', (row) => row.rank],
  ['name', (row) => text(row.name)],
  ['team', (row) => text(row.team)],
  ['archive', (row) => text(row.archive)],
  ['verdict', (row) => row.verdict],
  ['accuracy', (row) => row.accuracy],
  ['standard_deviation', (row) => row.standardDeviation],
  ['runs_scored', (row) => row.runsScored],
  ['low_95', (row) => row.interval95?.[0] ?? null],
  ['high_95', (row) => row.interval95?.[1] ?? null],
  ['separated_from_above', (row) => row.separatedFromAbove],
  ['train_seconds', (row) => row.trainSeconds],
  ['evidence', (row) => text(row.evidence.join('; ') || null)],
  ['advice', (row) => row.advice],
  ['note', (row) => text(row.note)],
  ['repeats', (row) => text(remarksOf(row).join('; ') || null)],
  ['sha256', (row) => row.sha256],
  ['baseline', (row) => row.baseline],
  ['other_hardware', (row) => text(row.otherHardware.join('; ') || null)],
];

/** Formats leaderboard.csv: one line per archive, then one per file that was left out, with the reason as its note. */
export function leaderboardCsv({ rows, leftOut }: Pick<Standing, 'rows' | 'leftOut'>): string {
  const left = leftOut.map(
    ({ file, reason }): Record<string, Cell> => ({
      archive: text(file),
      note: text(`left out: ${reason}`),
    }),
  );
  return formatCsv([
    columns.map(([name]) => name),
    ...rows.map((row) => columns.map(([, cell]) => cell(row))),
    ...left.map((cells) => columns.map(([name]) => cells[name] ?? null)),
  ]);
}
