import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { UserError } from '../../datasets/userError.ts';
import { publicFolder } from '../../evaluator/grade/gradedFolders.ts';
import { tryPage } from '../../evaluator/report/tryPage.ts';
import type { RunRecord } from '../../evaluator/run/record.ts';
import { verdicts } from '../../evaluator/run/verdict.ts';
import { sweepOwnFolders } from '../../evaluator/sandbox/ownNames.ts';
import { scoreRun } from '../../evaluator/score/scoreRun.ts';
import { reportError } from '../reportError.ts';
import { summarise } from '../summary.ts';
import { sayer, sayJson, warn } from '../terminal.ts';

interface Options {
  readonly track: string;
  readonly identity: string;
  readonly chain?: string;
  readonly json?: boolean;
}

/**
 * `haet score`: scores and signs finished runs on a sealed Track, where the identity is available and no entry runs.
 */
export function scoreCommand(command: Command): void {
  command
    .argument('<run...>', 'folder of a finished run, with its unscored.json')
    .option('--track <dir>', 'the sealed Track of the run', '/track')
    .option(
      '--identity <file>',
      'secret key of the organizer: opens the labels, signs',
      '/run/secrets/identity',
    )
    .option(
      '--chain <dir>',
      'folder of all runs, whose signed records form a chain (default: the --out of grade or official that contains the run)',
    )
    .option('--json', 'last line on standard output: the record of the run, or a list of records')
    .addHelpText('after', help)
    .action(scoreRuns);
}

async function scoreRuns(folders: string[], options: Options): Promise<void> {
  await sweepOwnFolders();
  const records: RunRecord[] = [];
  const print = sayer(options);
  for (const folder of folders) {
    try {
      const { record, signed } = await scoreRun(folder, {
        ...options,
        chain: options.chain ?? chainFolderOf(folder),
      });
      records.push(record);
      print(...summarise(record, await reportOf(folder)), `  signed   ${signed}`);
    } catch (error) {
      if (folders.length === 1 && error instanceof UserError) throw error;
      reportError(error as Error, folder);
    }
  }
  if (options.json) sayJson(folders.length > 1 ? records : records[0]);
  if (records.length < folders.length) process.exitCode = verdicts.INFRA_FAULT.exitCode;
}

/**
 * Returns the --out folder of a run: `haet grade` puts runs into runs/JOB/RUN beside public/, `haet official` into
 * RUN.
 */
function chainFolderOf(run: string): string {
  const graded = resolve(run, '../../..');
  return existsSync(publicFolder(graded)) ? graded : dirname(resolve(run));
}

async function reportOf(folder: string): Promise<string | null> {
  // Loaded here because it is too slow for --help.
  const { writeReport } = await import('../../evaluator/report/report.ts');
  return tryPage(() => writeReport(folder, { trackDir: null }), warn);
}

const help = `
Run it where no entry runs, because it reads the identity. It writes record.json, record.jws, a report, and
score-details.json.age, which only the identity opens, into the folder of each run. If it was killed, run it again.

Exit status:
   0  every run is scored and signed, whatever its verdict
   2  wrong command line
  30  a run could not be scored

Example:
  $ docker run --rm --network none --read-only --cap-drop ALL --cap-add DAC_OVERRIDE --security-opt no-new-privileges \\
      -v ./identity.txt:/run/secrets/identity:ro -v ./out:/out haet score /out/RUN
  $ haet score graded/runs/*/* --track sealed-track --identity identity.txt
`;
