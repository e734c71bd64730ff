import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { UserError } from '../../datasets/userError.ts';
import { longestReason } from '../../evaluator/grade/rejudging/longestReason.ts';
import type { Change, Comparison, Outcome } from '../../evaluator/grade/rejudging/rejudge.ts';
import { lockFolder } from '../../evaluator/machine/lockFolder.ts';
import { inPercent } from '../../evaluator/report/format.ts';
import { type VerdictCode, verdicts } from '../../evaluator/run/verdict.ts';
import { runSeed } from '../options/numberOption.ts';
import { isFolder } from '../recordFiles.ts';
import { sayer, sayJson, shortName } from '../terminal.ts';

interface StartOptions {
  readonly reason: string;
  readonly seed?: number[];
  readonly verdict?: VerdictCode[];
  readonly json?: boolean;
}

type Json = Pick<StartOptions, 'json'>;

/** `haet rejudge`: makes results again, and replaces all of them at once or none. */
export function rejudgeCommand(command: Command): void {
  command.addHelpText('after', help);
  command
    .command('start')
    .description('Select results to be made again by the next `haet grade` with the same terms.')
    .argument('<graded>', 'the --out folder of `haet grade`')
    .argument(
      '<patterns...>',
      "names of archives, as on the leaderboard; '*' and '?' stand for any characters",
    )
    .requiredOption('--reason <text>', 'reason, shown on the leaderboard')
    .option('--seed <n>', 'only results with this seed; may be repeated', collectSeed)
    .addOption(
      new Option('--verdict <code>', 'only results with this verdict; may be repeated').argParser(
        collectVerdict,
      ),
    )
    .option('--json', 'last line on standard output: number of the rejudging and of its runs')
    .action(start);
  command
    .command('show')
    .description('Compare the results before and after the last rejudging.')
    .argument('<graded>', 'the --out folder of `haet grade`')
    .option('--json', 'last line on standard output: the comparison')
    .action((graded: string, options: Json) => show(graded, options));
  for (const [name, description] of [
    ['apply', 'Replace the earlier results by those of the open rejudging, all at once.'],
    ['cancel', 'End the open rejudging: its results never count.'],
  ] as const) {
    command
      .command(name)
      .description(description)
      .argument('<graded>', 'the --out folder of `haet grade`')
      .option('--json', 'last line on standard output: the comparison')
      .action((graded: string, options: Json) => end(graded, options, name));
  }
}

async function start(graded: string, files: readonly string[], options: StartOptions): Promise<void> {
  const reason = options.reason.trim();
  if (reason === '' || reason.length > longestReason) {
    throw new UserError({
      option: '--reason',
      reason: `must have 1 to ${longestReason} characters, not ${reason.length}`,
      remedy: 'Say why, because the leaderboard shows it.',
    });
  }
  await inFolder(graded, async (folder, { startRejudging }) => {
    const selection = { files, seeds: options.seed ?? [], verdicts: options.verdict ?? [] };
    const started = await startRejudging(folder, selection, reason);
    sayer(options)(
      `Rejudging ${started.number}: ${counted(started.runs)} to be made again. The leaderboard keeps the earlier results and says that it is open.`,
      'Run the same `haet grade` again, look at `haet rejudge show`, then `apply` or `cancel`.',
    );
    if (options.json) sayJson(started);
  });
}

async function show(graded: string, options: Json): Promise<void> {
  await inFolder(graded, async (folder, { compareRejudging }) => {
    const comparison = await compareRejudging(folder);
    sayer(options)(...describe(comparison));
    if (options.json) sayJson(comparison);
  });
}

async function end(graded: string, options: Json, action: 'apply' | 'cancel'): Promise<void> {
  await inFolder(graded, async (folder, { endRejudging }) => {
    const comparison = await endRejudging(folder, action);
    sayer(options)(...describe(comparison));
    if (options.json) sayJson(comparison);
  });
}

/** Works in a grading while no other process does. The module is slow to load. */
async function inFolder(
  graded: string,
  work: (
    folder: string,
    module: typeof import('../../evaluator/grade/rejudging/rejudge.ts'),
  ) => Promise<void>,
): Promise<void> {
  const folder = resolve(graded);
  if (!(await isFolder(folder))) {
    throw new UserError({
      path: folder,
      reason: 'is not a folder',
      remedy: 'Give the --out folder of `haet grade`.',
    });
  }
  const unlock = lockFolder(folder);
  try {
    await work(folder, await import('../../evaluator/grade/rejudging/rejudge.ts'));
  } finally {
    unlock();
  }
}

function describe({ number, state, since, reason, changes, ranks, missing }: Comparison): string[] {
  const differ = changes.filter(
    ({ before, after }) =>
      after !== null && (before.verdict !== after.verdict || before.accuracy !== after.accuracy),
  );
  return [
    `Rejudging ${number}, ${state}, started ${since}: ${reason}`,
    ...changes.map(describeChange),
    ...ranks.map(
      ({ archive, before, after }) =>
        `  rank of ${shortName(archive)}: ${before ?? 'none'} -> ${after ?? 'none'}`,
    ),
    `${counted(changes.length - missing)} made again, ${differ.length} with another result${missing > 0 ? `; ${missing} still to be made` : ranks.length === 0 ? '; no rank changes' : ''}`,
  ];
}

function describeChange({ archives, seed, before, after, needsDecision }: Change): string {
  const name = `${archives.map(shortName).join(', ')}, seed ${seed}`;
  const then =
    after === null ? (needsDecision ? 'needs a decision' : 'not made yet') : describeOutcome(after);
  return `  ${name}: ${describeOutcome(before)} -> ${then}`;
}

function describeOutcome({ verdict, accuracy }: Outcome): string {
  return `${verdict ?? 'no result'}${accuracy === null ? '' : ` ${inPercent(accuracy, 2)} %`}`;
}

const counted = (runs: number): string => `${runs} ${runs === 1 ? 'run' : 'runs'}`;

function collectSeed(word: string, seeds: number[] = []): number[] {
  return [...seeds, runSeed(word)];
}

function collectVerdict(word: string, codes: VerdictCode[] = []): VerdictCode[] {
  if (Object.hasOwn(verdicts, word)) return [...codes, word as VerdictCode];
  throw new UserError({
    option: `--verdict ${word}`,
    reason: 'no such verdict',
    remedy: `Give one of ${Object.keys(verdicts).join(', ')}.`,
  });
}

const help = `
New attempts are made beside the earlier ones. The leaderboard shows the earlier results, and that a rejudging is open, until
all of it is applied. Each step is added to rejudgings.jsonl with time and reason, which \`haet export\` includes. One rejudging
is open at a time.

Exit status:
  0  done
  2  wrong command line, nothing selected, or runs without a new result (apply)

Example:
  $ haet rejudge start graded 'team-*.tar.gz' --verdict CRASHED --reason "a library was missing in the image"
  $ haet grade archives/ --track sealed-track ... --out graded
  $ haet rejudge show graded
  $ haet rejudge apply graded
`;
