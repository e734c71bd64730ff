import { plainText } from '../../datasets/plainText.ts';
import { inPercent } from '../report/format.ts';
import type { Row } from './leaderboard.ts';
import { escapeMarkdown, markdownTable } from './markdown.ts';
import { remarksOf } from './repeats.ts';
import type { ShownCanary, ShownRejudging, Standing } from './standing.ts';

const safe = (text: string | null): string => (text === null ? '' : escapeMarkdown(plainText(text)));
const percent = (fraction: number): string => inPercent(fraction, 2);
const list = (items: readonly (string | number)[]): string => safe(items.join(', '));

/** Formats leaderboard.md; untrusted text in it is escaped. */
export function leaderboardMarkdown(standing: Standing): string {
  const isPlaced = (row: Row) => row.rank !== null || isScoredBaseline(row, standing);
  const ranked = standing.rows.filter(isPlaced);
  const others = standing.rows.filter((row) => !isPlaced(row));
  return [
    '# Leaderboard',
    conditions(standing),
    ranked.length === 0 ? 'No entry has been scored.' : rankedTable(ranked),
    ...(ranked.length === 0 ? [] : [legend(standing.seeds.length, ranked)]),
    ...(others.length === 0 ? [] : ['## Without a rank', othersTable(others)]),
    ...(standing.leftOut.length === 0 ? [] : ['## Left out', leftOutTable(standing.leftOut)]),
  ]
    .map((part) => `${part.trimEnd()}\n`)
    .join('\n');
}

function conditions(standing: Standing): string {
  const { track, seeds, limits, sandbox, machines, evaluators, runs, chain, rejudgings, canaries } = standing;
  return [
    `- Track: ${safe(track.name)}; ${track.testSize} withheld images; sha256 of its track.json ${track.sha256}`,
    `- ${seeds.length === 1 ? 'Seed' : 'Seeds'}: ${list(seeds)}`,
    `- At most ${limits.trainSeconds} s to train and ${limits.predictSeconds} s to predict, in the sandbox "${sandbox}"`,
    ...(machines.length === 0
      ? []
      : [
          `- ${machines.length === 1 ? 'Hardware' : '**Different hardware**'}: ${machines.map(safe).join('; ')}`,
        ]),
    ...(evaluators.length === 0 ? [] : [`- haet ${list(evaluators)}`]),
    `- Runs done: ${runs.done} of ${runs.wanted}`,
    ...(chain === null
      ? []
      : [
          `- Records signed: ${chain.number}; sha256 of the last, for \`haet verify --head\`: ${chain.sha256}`,
        ]),
    ...rejudgings.map((each) => `- ${describeRejudging(each)}`),
    ...canaries.map((each) => `- ${describeCanary(each)}`),
  ].join('\n');
}

function describeRejudging({ number, state, since, endedAt, reason, runs, done }: ShownRejudging): string {
  const which = `ejudging ${number} of ${runs} ${runs === 1 ? 'run' : 'runs'}`;
  return state === 'open'
    ? `**R${which} is open** since ${since}, ${done} done; until it is applied, this page shows the earlier results. Reason: ${safe(reason)}`
    : `R${which}, ${state} ${endedAt}. Reason: ${safe(reason)}`;
}

function describeCanary({ node, at, because, done, runs, again }: ShownCanary): string {
  const what = {
    drained: `Node ${node} was drained`,
    'left out': `Node ${node} was left out`,
    stopped: `Grading was stopped on machine ${node}`,
  }[done];
  const voided =
    runs === 0
      ? 'No run is affected.'
      : `${runs} ${runs === 1 ? 'run' : 'runs'} there since its last good canary ${runs === 1 ? 'does' : 'do'} not count; ${again} of ${runs} ${again === 1 ? 'has' : 'have'} been made again.`;
  return `${safe(what)} ${at}: ${safe(because)}. ${voided}`;
}

function rankedTable(rows: readonly Row[]): string {
  const head = [
    'rank',
    'entry',
    'team',
    'accuracy, %',
    '95 % interval',
    'from the rank above',
    'standard deviation',
    'runs',
    'training, s',
    'archive',
    'remarks',
  ];
  return markdownTable(
    head,
    rows.map((row) => [
      row.baseline ? 'baseline' : String(row.rank),
      safe(row.name),
      safe(row.team),
      percent(row.accuracy!),
      row.interval95!.map(percent).join(' to '),
      row.separatedFromAbove === null ? '' : row.separatedFromAbove ? 'separated' : 'not separated',
      row.standardDeviation === null ? '' : percent(row.standardDeviation),
      runsOf(row),
      row.trainSeconds.toFixed(1),
      safe(row.archive),
      [row.verdict === 'SCORED' ? '' : row.verdict!, hardwareRemark(row), remarks(row)]
        .filter((text) => text !== '')
        .join('; '),
    ]),
  );
}

function legend(seeds: number, rows: readonly Row[]): string {
  const baselines = rows.some(({ baseline }) => baseline)
    ? ' A baseline is run for comparison and has no rank.'
    : '';
  const interval =
    seeds === 1
      ? "Intervals are Wilson's, over withheld images."
      : 'Intervals are Student’s t of the mean, over seeds.';
  return `${interval} "Not separated" means that the interval overlaps that of the rank above; it is not a test.${baselines}`;
}

function othersTable(rows: readonly Row[]): string {
  return markdownTable(
    ['verdict', 'entry', 'team', 'archive', 'runs', 'evidence', 'advice', 'remarks'],
    rows.map((row) => [
      stateOf(row),
      safe(row.name),
      safe(row.team),
      safe(row.archive),
      runsOf(row),
      safe(row.evidence.join('; ')),
      safe(row.advice),
      remarks(row),
    ]),
  );
}

function leftOutTable(leftOut: Standing['leftOut']): string {
  return markdownTable(
    ['file', 'reason'],
    leftOut.map(({ file, reason }) => [safe(file), safe(reason)]),
  );
}

/** A baseline stands among the ranked entries if every seed was scored. */
function isScoredBaseline({ baseline, runsScored }: Row, { seeds }: Standing): boolean {
  return baseline && runsScored === seeds.length;
}

function hardwareRemark({ otherHardware }: Row): string {
  if (otherHardware.length === 0) return '';
  return `ran on other hardware than ${otherHardware.map(safe).join(' and ')}, which may have decided the order`;
}

function stateOf(row: Row): string {
  return row.baseline ? `baseline: ${stateOfRun(row)}` : stateOfRun(row);
}

function stateOfRun({ verdict, refused, toDecide }: Row): string {
  if (refused !== null) return 'not run';
  if (toDecide.length > 0) return `needs a decision${verdict === null ? '' : ` (${verdict})`}`;
  return verdict ?? 'not run yet';
}

function remarks(row: Row): string {
  return [row.note, ...remarksOf(row)]
    .filter((text) => text !== null)
    .map(safe)
    .join('; ');
}

/** Lists every run by seed. Reports are not published with this page. */
function runsOf(row: Row): string {
  return row.runs.map(({ seed }) => `s${seed}`).join(' ');
}
