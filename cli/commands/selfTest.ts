import { type Command, Option } from 'commander';
import pMap, { pMapSkip } from 'p-map';
import { UserError } from '../../datasets/userError.ts';
import { createSandbox, type SandboxKind, sandboxKinds } from '../../evaluator/sandbox/createSandbox.ts';
import type { Sandbox } from '../../evaluator/sandbox/sandbox.ts';
import { type Attack, listAttacks, whyNotRun } from '../../evaluator/selfTest/attack.ts';
import { openSelfTest } from '../../evaluator/selfTest/selfTest.ts';
import type { AttackResult } from '../../evaluator/selfTest/trial.ts';
import { integer } from '../options/numberOption.ts';
import { type ContainerOptions, imageOption, runtimeOption } from '../options/sandboxOptions.ts';
import { type Say, sayer, sayJson, tell } from '../terminal.ts';

interface Options extends ContainerOptions {
  readonly sandbox?: SandboxKind[];
  readonly only?: string[];
  readonly jobs: number;
  readonly json?: boolean;
}

/** Results of the attacks in one sandbox. */
interface SandboxResult {
  readonly sandbox: SandboxKind;
  readonly ok: boolean;
  /** Why the sandbox does not work on this machine; null if it does. */
  readonly unavailable: string | null;
  readonly attacks: readonly AttackResult[];
  readonly notRun: readonly { readonly attack: string; readonly reason: string }[];
}

const notAllHeld = 1;

/** `haet self-test`: runs the hostile-entry corpus on this machine and reports whether each attack was stopped. */
export function selfTestCommand(command: Command): void {
  command
    .addOption(
      new Option(
        '--sandbox <kind...>',
        'sandboxes to test (default: every one that works on this machine)',
      ).choices([...sandboxKinds]),
    )
    .addOption(imageOption())
    .addOption(runtimeOption())
    .option('--only <attack...>', 'names of the attacks to run (default: all)')
    .option(
      '--jobs <n>',
      'attacks to run side by side; those that fill memory, disk or CPUs always run alone',
      integer(1, 64),
      1,
    )
    .option('--json', 'last line on standard output: per sandbox, the result of each attack')
    .addHelpText(
      'after',
      `
An attack is run only in a sandbox that claims to stop it, and ends by itself if it is not stopped. The corpus is in
evaluator/selfTest/corpus. With --jobs, a file left outside a run may be reported for an attack that ran at the same
time; --jobs 1 reports it for the right one. In the sandbox "user", attacks run one at a time.

Exit status: 0 if every attack was stopped and got the right verdict, ${notAllHeld} if not, 2 if the command line is wrong.

Example:
  $ haet self-test --sandbox bubblewrap --only reads-labels fails-after-saving
`,
    )
    .action(selfTest);
}

async function selfTest(options: Options): Promise<void> {
  const attacks = choose(await listAttacks(), options.only);
  const kinds = options.sandbox ?? sandboxKinds;
  const print = sayer(options);

  let stopped = false;
  process.once('SIGINT', () => {
    stopped = true;
    tell('Stopping after the attacks that are running.');
  });
  const results: SandboxResult[] = [];
  for (const kind of kinds) {
    // A sandbox that was requested by name must work.
    const sandbox = await createSandbox(kind, {
      image: options.image,
      ...(kind === 'docker' && { runtime: options.runtime }),
    }).catch((error) => {
      if (options.sandbox !== undefined || !(error instanceof UserError)) throw error;
      return error.message;
    });
    if (typeof sandbox === 'string') {
      print(`Sandbox ${kind}: not available. ${sandbox}`, '');
      results.push({ sandbox: kind, ok: true, unavailable: sandbox, attacks: [], notRun: [] });
    } else {
      results.push(await tryAll(kind, sandbox, attacks, options.jobs, print, () => stopped));
    }
  }
  requireSome(results, stopped);
  const ok = !stopped && results.every((each) => each.ok);
  if (options.json) sayJson({ ok, sandboxes: results });
  process.exitCode = ok ? 0 : notAllHeld;
}

async function tryAll(
  kind: SandboxKind,
  sandbox: Sandbox,
  attacks: readonly Attack[],
  jobs: number,
  print: Say,
  isStopped: () => boolean,
): Promise<SandboxResult> {
  const notRun = attacks.flatMap((attack) => {
    const reason = whyNotRun(attack, sandbox);
    return reason === null ? [] : [{ attack: attack.name, reason }];
  });
  const skipped = new Set(notRun.map(({ attack }) => attack));
  const toRun = attacks.filter(({ name }) => !skipped.has(name));
  const widths = {
    attack: Math.max(6, ...toRun.map(({ name }) => name.length)),
    expected: Math.max(8, ...toRun.map(({ expected }) => expected.verdicts.join(' or ').length)),
  };
  print(`Sandbox ${kind}: ${sandbox.contains}`, '');
  print(row(widths, 'attack', 'verdict', 'expected', 'seconds', 'stopped'));

  const session = await openSelfTest(sandbox, jobs);
  const results = await pMap(
    toRun,
    async (attack) => {
      if (isStopped()) return pMapSkip;
      const result = await session.run(attack);
      print(...rowsOf(result, widths));
      return result;
    },
    { concurrency: jobs, stopOnError: false }, // on a fault, waits for attacks that are still running
  )
    .catch(({ errors: [fault] }: AggregateError) => {
      throw fault;
    })
    .finally(session.close);
  const good = results.filter((each) => each.ok).length;
  print('', `${good} of ${results.length} attacks were stopped and got the right verdict.`);
  for (const [reason, names] of grouped(notRun)) print(`Not run, because ${reason}: ${names.join(', ')}.`);
  print('');
  return { sandbox: kind, ok: good === results.length, unavailable: null, attacks: results, notRun };
}

type Widths = Readonly<Record<'attack' | 'expected', number>>;

function row(
  widths: Widths,
  attack: string,
  verdict: string,
  expected: string,
  seconds: string,
  stopped: string,
) {
  const words = [attack.padEnd(widths.attack), verdict.padEnd(16), expected.padEnd(widths.expected)];
  return `  ${[...words, seconds.padStart(7), stopped].join('  ')}`;
}

/** Returns the line of the table and, below it, the problems. */
function rowsOf(
  { attack, verdict, expected, seconds, ok, problems }: AttackResult,
  widths: Widths,
): string[] {
  const line = row(
    widths,
    attack,
    verdict ?? '-',
    expected.join(' or '),
    seconds.toFixed(1),
    ok ? 'yes' : 'NO',
  );
  return [line, ...problems.map((problem) => `      ${problem}`)];
}

function grouped(notRun: SandboxResult['notRun']): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { attack, reason } of notRun) groups.set(reason, [...(groups.get(reason) ?? []), attack]);
  return groups;
}

function choose(all: readonly Attack[], only: readonly string[] | undefined): readonly Attack[] {
  if (only === undefined) return all;
  const unknown = only.filter((name) => !all.some((attack) => attack.name === name));
  if (unknown.length > 0) {
    throw new UserError(
      `--only ${unknown.join(', ')}: no such attack. Attacks: ${all.map(({ name }) => name).join(', ')}.`,
    );
  }
  return all.filter(({ name }) => only.includes(name));
}

/** Fails if no attack was run, so that an empty test does not pass. */
function requireSome(results: readonly SandboxResult[], stopped: boolean): void {
  if (stopped || results.some(({ attacks }) => attacks.length > 0)) return;
  const reasons = results.flatMap(({ unavailable, notRun }) => [
    ...(unavailable === null ? [] : [unavailable]),
    ...notRun.map(({ reason }) => reason),
  ]);
  throw new UserError(`none of these attacks can run here: ${[...new Set(reasons)].join('; ')}.`);
}
