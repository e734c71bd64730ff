import { type Cell, formatCsv } from '../grade/csv.ts';
import { escapeMarkdown, markdownTable } from '../grade/markdown.ts';
import type { StudyResult } from './runStudy.ts';
import { type ArmRow, doubtsOf } from './table.ts';

/** The columns of the table, for people: accuracies in per cent, differences in percentage points. */
export const columns = [
  'arm',
  'n',
  'mean %',
  'sd',
  'difference',
  '95 % interval',
  'pairs',
  'train s',
  'faults',
  'state',
] as const;

/** Formats a row of the table, one text per column. */
export function cellsOfRow(row: ArmRow): string[] {
  const { accuracy, difference } = row;
  const points = (value: number) => `${value < 0 ? '' : '+'}${(100 * value).toFixed(2)}`;
  const interval = difference?.mean95;
  return [
    row.arm,
    String(accuracy?.n ?? 0),
    accuracy === null ? '-' : (100 * accuracy.mean).toFixed(2),
    accuracy?.standardDeviation == null ? '-' : (100 * accuracy.standardDeviation).toFixed(2),
    difference === null ? '-' : points(difference.mean),
    interval == null ? '-' : `${points(interval[0])} to ${points(interval[1])}`,
    difference === null ? '-' : String(difference.n),
    row.trainSeconds === null ? '-' : row.trainSeconds.toFixed(1),
    faultsOf(row) || '-',
    stateOf(row),
  ];
}

/** Joins words so that they can be told apart. */
function quoted(words: readonly string[]): string {
  return words.map((word) => (/^[^\s"]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}

function faultsOf({ faults }: ArmRow): string {
  return Object.entries(faults)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(', ');
}

function stateOf({ isBaseline, stoppedAfter, accuracy, faults, wanted }: ArmRow): string {
  if (isBaseline) return 'baseline';
  if (stoppedAfter !== null) return `stopped after ${stoppedAfter}`;
  const made = (accuracy?.n ?? 0) + Object.values(faults).reduce((sum, count) => sum + count, 0);
  return made >= wanted ? 'done' : 'open';
}

/** Formats the table for a terminal, with aligned columns. */
export function formatTable(rows: readonly ArmRow[]): string[] {
  const cells = [[...columns], ...rows.map(cellsOfRow)];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => row[at]!.length)));
  const last = columns.length - 1;
  return cells.map((row) =>
    row
      .map((cell, at) =>
        at === 0 || at >= last - 1 ? cell.padEnd(at === last ? 0 : widths[at]!) : cell.padStart(widths[at]!),
      )
      .join('  '),
  );
}

/** Formats study.md. @param plots file names of the plots beside it, with descriptions */
export function formatStudy(
  result: StudyResult,
  rows: readonly ArmRow[],
  plots: readonly { readonly file: string; readonly description: string }[],
): string {
  const { spec, outcomes, cells } = result;
  const record = outcomes[0]?.record;
  const facts = [
    [
      'entry',
      record?.entry
        ? `${escapeMarkdown(record.entry.name)} (sha256 ${record.entry.sha256.slice(0, 12)})`
        : '-',
    ],
    ['data', `${spec.data.source}: ${spec.data.trainPerClass} training images per class`],
    ['scored on', record?.track ? `${record.track.testSize} images that are not trained on` : '-'],
    ['samples', spec.samples.join(', ')],
    ['seeds', spec.seeds.join(', ')],
    ['runs per arm', `${cells.length}, paired: same sample and seed in every arm`],
    [
      'budget',
      spec.budget.kind === 'seconds'
        ? `${spec.budget.trainSeconds} s`
        : `${escapeMarkdown(quoted(spec.budget.words))} (killed after ${spec.budget.trainSeconds} s)`,
    ],
    [
      'search',
      spec.search.kind === 'grid'
        ? 'grid'
        : `halving: first decision after ${spec.search.firstRuns} runs, one arm of ${spec.search.factor} goes on`,
    ],
    [
      'machine',
      [...new Set(outcomes.map(({ record }) => record.machine.cpu))].map(escapeMarkdown).join('; ') || '-',
    ],
  ];
  const doubts = doubtsOf(result, rows);
  return [
    `# ${escapeMarkdown(spec.name)}\n`,
    markdownTable(
      [...columns],
      rows.map(cellsOfRow).map(([arm, ...rest]) => [escapeMarkdown(arm!), ...rest]),
    ),
    `Mean and standard deviation (sd) of the accuracy in per cent over n runs. The difference to "${escapeMarkdown(spec.baseline)}" in percentage points is over the pairs of runs with the same sample and seed; its interval is by Student's t.\n`,
    ...(doubts.length === 0 ? [] : [`${doubts.map((each) => `- ${each}`).join('\n')}\n`]),
    ...plots.map(({ file, description }) => `![${escapeMarkdown(description)}](${file})\n`),
    `## Terms\n`,
    markdownTable(['', ''], facts),
    markdownTable(
      ['arm', 'words added to the train command'],
      spec.arms.map(({ name, words }) => [escapeMarkdown(name), escapeMarkdown(quoted(words)) || '(none)']),
    ),
  ].join('\n');
}

/** Formats study.csv: a row per arm, accuracies and differences as fractions of 1. */
export function formatStudyCsv(rows: readonly ArmRow[]): string {
  const head = [
    ...['arm', 'words', 'baseline', 'n', 'mean', 'standard_deviation', 'mean_low95', 'mean_high95'],
    ...['pairs', 'difference', 'difference_low95', 'difference_high95', 'train_seconds'],
    ...['faults', 'disturbed', 'stopped_after'],
  ];
  return formatCsv([
    head,
    ...rows.map((row): Cell[] => {
      const { accuracy, difference } = row;
      return [
        ...[row.arm, quoted(row.words), row.isBaseline, accuracy?.n ?? 0],
        ...[accuracy?.mean ?? null, accuracy?.standardDeviation ?? null],
        ...(accuracy?.mean95 ?? [null, null]),
        ...[difference?.n ?? 0, difference?.mean ?? null, ...(difference?.mean95 ?? [null, null])],
        ...[row.trainSeconds, faultsOf(row) || null, row.disturbed, row.stoppedAfter],
      ];
    }),
  ]);
}

/** Formats runs.csv: a row per run, with the folder of its record. */
export function formatRunsCsv({ outcomes }: StudyResult): string {
  return formatCsv([
    ['arm', 'sample', 'seed', 'verdict', 'accuracy', 'images', 'train_seconds', 'folder'],
    ...outcomes.map(({ arm, cell, record, accuracy }): Cell[] => [
      ...[arm, cell.sample, cell.seed, record.verdict, accuracy, record.score?.total ?? null],
      ...[record.stages[0]?.seconds ?? null, record.folder],
    ]),
  ]);
}
