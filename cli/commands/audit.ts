import { randomInt } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { MAX_SEED } from '../../datasets/random.ts';
import { readTrack } from '../../datasets/readTrack.ts';
import { type AuditPlan, audit } from '../../evaluator/audit/audit.ts';
import { type Audit, auditFile } from '../../evaluator/audit/auditSchema.ts';
import { manifestFile } from '../../evaluator/contract.ts';
import { entryMemoryBytes } from '../../evaluator/machine/entryMemory.ts';
import { describeMachine } from '../../evaluator/machine/machine.ts';
import { verdicts } from '../../evaluator/run/verdict.ts';
import { createSandbox } from '../../evaluator/sandbox/createSandbox.ts';
import { requireNotShown } from '../../evaluator/sandbox/requireNotShown.ts';
import type { Sandbox } from '../../evaluator/sandbox/sandbox.ts';
import { summariseAudit } from '../auditSummary.ts';
import { integer, runSeed, stageSeconds } from '../options/numberOption.ts';
import {
  addStrangersSandbox,
  imageOption,
  runtimeOption,
  type StrangersSandbox,
  strangersSandbox,
  warnWhereUnfenced,
} from '../options/sandboxOptions.ts';
import { defaultLimits } from '../options/stageLimits.ts';
import { createProgressView, type ProgressView } from '../progressView.ts';
import { requireEntry } from '../requireEntry.ts';
import { requireOut } from '../requireOut.ts';
import { readyEntry } from '../setUp.ts';
import { listenForStops } from '../stopSignals.ts';
import { sayer, sayJson, tell } from '../terminal.ts';

interface Options extends StrangersSandbox {
  readonly track: string;
  readonly out: string;
  readonly budget: number;
  readonly seed: number;
  readonly controlSeed?: number;
  readonly json?: boolean;
}

/** Exit statuses in addition to those of the verdicts. */
const failed = 1;
const cannotTell = 3;

/** `haet audit`: trains an entry on control Tracks and judges whether it brought knowledge along. */
export function auditCommand(command: Command): void {
  addStrangersSandbox(command)
    .argument('<entry>', `folder of the entry, with ${manifestFile}, or its archive`)
    .requiredOption('--track <dir>', 'Track to train and score on; at least 7 classes')
    .option('--out <dir>', `parent of the folder that gets the three runs and ${auditFile}`, 'runs')
    .option('--budget <seconds>', 'limit of each train stage', stageSeconds, defaultLimits.trainSeconds)
    .option('--seed <n>', 'seed of the three runs', runSeed, 1)
    .option(
      '--control-seed <n>',
      'seed of the control labels, secret from the entry (default: random, kept in the result)',
      integer(0, MAX_SEED),
    )
    .addOption(imageOption())
    .addOption(runtimeOption())
    .option('--json', `last line on standard output: the content of ${auditFile}`)
    .addHelpText('after', help)
    .action(runAudit);
}

const help = `
The three runs, in an order unknown to the entry:
  honest    the unchanged Track
  shuffled  training labels shuffled: accuracy must fall to chance
  permuted  every class under the name of another: accuracy must stay
They detect a model, answers or labels that came with the entry. They do not detect a pretrained model that is trained
further, or one that is used for its features only: it learns the given labels, as an honest entry does. Nor do they
detect an entry that recognises the Track and behaves well on a control. Audit on images that nobody has seen, in a
sandbox that isolates files.

Ctrl-C stops the audit.

Exit status:
   0  passed
   1  failed: a control does not hold
   2  wrong command line
   3  inconclusive: all runs were scored, but the honest run is too close to chance or the entry changed its files
  10 to 40  inconclusive: a run was not made or not scored; the status is that of its verdict, as in haet dry-run

Example:
  $ haet audit my-entry --track my-track --budget 120 --sandbox bubblewrap
`;

async function runAudit(path: string, options: Options): Promise<void> {
  const kind = strangersSandbox(options);
  const given = await requireEntry(path);
  await requireOut(options.out, given);
  const entry = await readyEntry(given, kind);
  const machine = await describeMachine();
  const sandbox = await createSandbox(kind, options);
  const dir = resolve(options.track);
  requireNotShown(sandbox, { '--track': dir, '--out': options.out }, entry);
  const plan: AuditPlan = {
    entryPath: entry,
    track: { dir, info: await readTrack(dir) },
    runsFolder: options.out,
    seed: options.seed,
    controlSeed: options.controlSeed ?? randomInt(MAX_SEED + 1),
    limits: { trainSeconds: options.budget },
    cpus: machine.cores,
    memoryBytes: entryMemoryBytes(machine),
    machine,
  };
  warnWhereUnfenced(kind, tell);
  const result = await auditInView(plan, sandbox);

  sayer(options)(...summariseAudit(result));
  if (options.json) sayJson(result);
  process.exitCode = exitCodeOf(result);
}

/** Runs the audit and shows its progress. Ctrl-C stops all runs, because an interrupted run cannot be compared. */
async function auditInView(plan: AuditPlan, sandbox: Sandbox): Promise<Audit> {
  const stops = listenForStops(tell);
  const run: { view: ProgressView | null; stageStart: number } = { view: null, stageStart: 0 };
  const ticking = setInterval(() => run.view?.tick((performance.now() - run.stageStart) / 1000), 1000);
  try {
    return await audit(plan, sandbox, {
      abort: stops.abort,
      onRun: (number, runs) => {
        run.view?.stop();
        run.view = null;
        tell(`Run ${number} of ${runs}`);
      },
      onStage: (stage) => {
        run.stageStart = performance.now();
        run.view ??= createProgressView({
          stream: process.stderr,
          budgetSeconds: plan.limits!.trainSeconds!,
          trainSize: plan.track.info.trainSize,
        });
        run.view.stage(stage);
      },
      onProgress: (line, atSeconds) => run.view?.update(line, atSeconds),
    });
  } finally {
    clearInterval(ticking);
    run.view?.stop();
    stops.close();
  }
}

function exitCodeOf({ overall, runs }: Audit): number {
  if (overall === 'passed') return 0;
  if (overall === 'failed') return failed;
  const all = Object.values(runs);
  const unscored = all.find((run) => run !== null && run.accuracy === null);
  if (unscored) return verdicts[unscored.verdict].exitCode;
  return all.includes(null) ? verdicts.ABORTED.exitCode : cannotTell;
}
