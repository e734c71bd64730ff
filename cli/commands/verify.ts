import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { describeFault } from '../../datasets/describeFault.ts';
import { readCommitment, readReveal } from '../../datasets/sealing/commitment.ts';
import { readLabelsKey } from '../../datasets/sealing/labelsKey.ts';
import { UserError } from '../../datasets/userError.ts';
import { mostRecordBytes } from '../../evaluator/attest/openRecord.ts';
import { parseVerifyKey } from '../../evaluator/attest/signingKey.ts';
import { type Evidence, type Verification, verifyRecord } from '../../evaluator/attest/verifyRecord.ts';
import { sayer, sayJson, shortName } from '../terminal.ts';

interface Options {
  readonly key?: string;
  readonly commitment?: string;
  readonly reveal?: string;
  readonly sealed?: string;
  readonly archive?: string;
  readonly predictions?: string;
  readonly track?: string;
  readonly labelsKey?: string;
  readonly json?: boolean;
}

const doesNotHold = 1;
/** Options that tie a record to more than its signature, for the line that says what was left unchecked. */
const furtherChecks = {
  archive: '--archive',
  predictions: '--predictions',
  sealed: '--sealed',
  track: '--track',
  labelsKey: '--labels-key',
  commitment: '--commitment',
  reveal: '--reveal',
} as const;

/** `haet verify`: checks a signed record of a run. */
export function verifyCommand(command: Command): void {
  command
    .argument('<record>', 'record.jws of a run')
    .option('--key <key>', 'the organizer’s public key, haet1...')
    .option('--archive <file>', 'archive of the entry, as it was sent in')
    .option('--predictions <file>', 'predictions.npy of the run')
    .option('--sealed <file>', 'withheld.age, the sealed set')
    .option('--track <dir>', 'the public Track that was trained on')
    .option(
      '--labels-key <file>',
      'labels-key.json, published after the contest: opens the labels of --sealed and scores --predictions again',
    )
    .option('--commitment <file>', 'commitment.json, published before the contest')
    .option('--reveal <file>', 'reveal.json, published after it; with --commitment')
    .option('--json', 'last line on standard output: holds, checks, what was not checked, the run')
    .addHelpText('after', help)
    .action(verify);
}

async function verify(path: string, options: Options): Promise<void> {
  const evidence = await readEvidence(options);
  const result = await verifyRecord(await readBytes(path), evidence);
  const notChecked = Object.entries(furtherChecks)
    .filter(([name]) => options[name as keyof typeof furtherChecks] === undefined)
    .map(([, flag]) => flag);

  sayer(options)(...describe(path, result, notChecked));
  if (options.json) {
    const { holds, checks } = result;
    sayJson({ holds, checks, notChecked: notChecked.map((flag) => flag.slice(2)), run: runOf(result) });
  }
  process.exitCode = result.holds ? 0 : doesNotHold;
}

async function readEvidence(options: Options): Promise<Evidence> {
  const { key, commitment, reveal, archive, predictions, sealed, track, labelsKey } = options;
  if (key === undefined) {
    throw new UserError(
      '--key is missing: a signature proves something only by a key that you trust. Give the key, haet1..., that the organizer published before the contest; one that came with the record is worth nothing.',
    );
  }
  if (reveal !== undefined && commitment === undefined) {
    throw new UserError(
      '--reveal is checked against the commitment. Give --commitment too, as it was published before the contest.',
    );
  }
  if (labelsKey !== undefined && (sealed === undefined || predictions === undefined)) {
    throw new UserError(
      '--labels-key opens the labels of the sealed set, to score the predictions again. Give --sealed withheld.age and --predictions predictions.npy too.',
    );
  }
  return {
    key: parseVerifyKey(key),
    files: {
      ...(archive !== undefined && { archive }),
      ...(predictions !== undefined && { predictions }),
      ...(sealed !== undefined && { sealed }),
      ...(track !== undefined && { track }),
    },
    ...(labelsKey !== undefined && { labelsKey: await readLabelsKey(labelsKey) }),
    ...(commitment !== undefined && { commitment: await readCommitment(commitment) }),
    ...(reveal !== undefined && { reveal: await readReveal(reveal) }),
  };
}

/** Reads no more of a file than shows that it is too large for a record. */
async function readBytes(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    // Opening a pipe would wait for ever for somebody to write into it.
    if (!(await stat(path)).isFile()) throw new Error('no regular file');
    for await (const chunk of createReadStream(path, { end: mostRecordBytes })) chunks.push(chunk as Buffer);
  } catch (error) {
    throw new UserError(
      `${path}: cannot be read (${describeFault(error)}). Give the record.jws of an official run.`,
    );
  }
  return Buffer.concat(chunks);
}

function describe(path: string, result: Verification, notChecked: readonly string[]): string[] {
  const width = Math.max(...result.checks.map((check) => check.name.length));
  const lines = result.checks.map(
    ({ name, holds, says }) => `  ${holds ? 'holds' : 'FAILS'}  ${name.padEnd(width)}  ${says}`,
  );
  const run = runOf(result);
  if (run === null) return [...lines, `${path} does not hold: ${result.checks.at(-1)!.says}.`];

  const options = notChecked.join(', ');
  const unchecked = options === '' ? [] : [`  not checked, for want of: ${options}`];
  const entry = run.entry === null ? '' : `, ${shortName(run.entry.name)} by ${shortName(run.entry.team)}`;
  const percent = (fraction: number) => (100 * fraction).toFixed(1);
  const score =
    run.score === null
      ? ''
      : `, ${run.score.correct} of ${run.score.total} right (${percent(run.score.accuracy)} %, 95 % interval ${percent(run.score.wilson95[0])} to ${percent(run.score.wilson95[1])})`;
  return [...lines, ...unchecked, `${path} holds: ${run.verdict}${score}${entry}, seed ${run.seed}`];
}

/** What a record that holds says, in short. */
function runOf({ official }: Verification) {
  if (official === null) return null;
  const { runId, startedAt, verdict, score, entry, seed } = official.record;
  return {
    runId,
    startedAt,
    issuedAt: official.issuedAt,
    verdict,
    score: score && {
      correct: score.correct,
      total: score.total,
      accuracy: score.accuracy,
      wilson95: score.wilson95,
    },
    entry: entry && { name: entry.name, team: entry.team },
    seed,
    digests: official.digests,
  };
}

const help = `
Checks are made in order, up to the first that does not hold; each says what it means. With --labels-key, once the
organizer has published it, the predictions are scored again and every figure is compared with the record.

Exit status:
   0  all holds
   1  something does not hold
   2  a mistake on the command line

Example:
  $ haet verify record.jws --key haet1... --archive entry.tar.gz --commitment commitment.json --reveal reveal.json
  $ haet verify record.jws --key haet1... --predictions predictions.npy --sealed withheld.age --labels-key labels-key.json
`;
