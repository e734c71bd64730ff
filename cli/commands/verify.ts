import { type Command, InvalidArgumentError } from 'commander';
import { readCommitment, readReveal } from '../../datasets/sealing/commitment.ts';
import { readLabelsKey } from '../../datasets/sealing/labelsKey.ts';
import { describeTerms } from '../../datasets/sealing/terms.ts';
import { UserError } from '../../datasets/userError.ts';
import { usedTermsOf } from '../../evaluator/attest/officialRecord.ts';
import { parseVerifyKey } from '../../evaluator/attest/signingKey.ts';
import { type Evidence, type Verification, verifyRecord } from '../../evaluator/attest/verifyRecord.ts';
import type { ScoreDetails } from '../../evaluator/run/record.ts';
import { isFolder, readRecordBytes } from '../recordFiles.ts';
import { placeOf, resultOf, summaryOf } from '../recordSummary.ts';
import { sayer, sayJson } from '../terminal.ts';
import { type Outcome, verifySeveral } from '../verifySeveral.ts';

interface Options {
  readonly key?: string;
  readonly commitment?: string;
  readonly reveal?: string;
  readonly sealed?: string;
  readonly archive?: string;
  readonly predictions?: string;
  readonly track?: string;
  readonly labelsKey?: string;
  readonly head?: string;
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

/** `haet verify`: checks the signed record of a run, or the chain that several form. */
export function verifyCommand(command: Command): void {
  command
    .argument('<records...>', 'record.jws of a run; several, or a folder of runs, are checked as a chain')
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
    .option(
      '--head <sha256>',
      'sha256 of the last record, as the leaderboard says: shows that none is missing',
      sha256,
    )
    .option(
      '--json',
      'last line on standard output: holds, checks, what was not checked, the run, details of its score',
    )
    .addHelpText('after', help)
    .action(verify);
}

async function verify(given: readonly string[], options: Options): Promise<void> {
  const evidence = await readEvidence(options);
  const isOne = given.length === 1 && !(await isFolder(given[0]!));
  if (!isOne) requireNoneOfOneRun(options);
  const { lines, json, holds } = isOne
    ? await verifyOne(given[0]!, evidence, options)
    : await verifySeveral(given, evidence, options.head);
  sayer(options)(...lines);
  if (options.json) sayJson(json);
  process.exitCode = holds ? 0 : doesNotHold;
}

async function verifyOne(path: string, evidence: Evidence, options: Options): Promise<Outcome> {
  if (options.head !== undefined) {
    throw new UserError('--head is checked against all records of a contest. Give them, or their folder.');
  }
  const result = await verifyRecord(await readRecordBytes(path), evidence);
  const notChecked = Object.entries(furtherChecks)
    .filter(([name]) => options[name as keyof typeof furtherChecks] === undefined)
    .map(([, flag]) => flag);
  const { holds, checks, details } = result;
  return {
    holds,
    lines: describe(path, result, notChecked),
    json: { holds, checks, notChecked: notChecked.map((flag) => flag.slice(2)), run: runOf(result), details },
  };
}

function requireNoneOfOneRun(options: Options): void {
  for (const name of ['archive', 'predictions', 'labelsKey'] as const) {
    if (options[name] === undefined) continue;
    throw new UserError({
      option: furtherChecks[name],
      reason: 'belongs to one run',
      remedy: "Give it beside that run's record.jws alone.",
    });
  }
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

function describe(path: string, result: Verification, notChecked: readonly string[]): string[] {
  const width = Math.max(...result.checks.map((check) => check.name.length));
  const lines = result.checks.map(
    ({ name, holds, says }) => `  ${holds ? 'holds' : 'FAILS'}  ${name.padEnd(width)}  ${says}`,
  );
  const run = runOf(result);
  if (run === null) return [...lines, `${path} does not hold: ${result.checks.at(-1)!.says}.`];

  const official = result.official!;
  const options = notChecked.join(', ');
  const unchecked = options === '' ? [] : [`  not checked, for want of: ${options}`];
  const terms = notChecked.includes(furtherChecks.commitment)
    ? [`  it ran with ${describeTerms(usedTermsOf(official))}`]
    : [];
  const again = result.details === null ? [] : describeDetails(result.details);
  return [
    ...lines,
    ...terms,
    ...unchecked,
    ...again,
    `${path} holds: ${placeOf(official)}, ${resultOf(official)}`,
  ];
}

/** What the record of a sealed Track leaves out until the labels are published. */
function describeDetails({ perClass, logLoss, calibration }: ScoreDetails): string[] {
  const width = Math.max(...perClass.map(({ name }) => name.length));
  return [
    ...perClass.map(
      ({ name, correct, total }) => `  class  ${name.padEnd(width)}  ${correct} of ${total} right`,
    ),
    `  log-loss ${logLoss.toFixed(3)} nats, expected calibration error ${calibration.expectedError.toFixed(3)}`,
  ];
}

/** What a record that holds says, in short. */
function runOf({ official }: Verification) {
  return official === null ? null : { ...summaryOf(official), digests: official.digests };
}

function sha256(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new InvalidArgumentError('Expected 64 hexadecimal digits.');
}

const help = `
Checks are made in order, up to the first that does not hold; each says what it means. With --labels-key, once the
organizer has published it, the predictions are scored again and every figure is compared with the record; accuracy by
class, confusion matrix (--json), log-loss and calibration, which the record leaves out until then, are shown.

Every record has a number and names the record before it. Of several, or of a folder of runs, it is checked that none is
missing and none was exchanged, and all attempts of each archive are listed. That the last ones are there is shown by --head.

Exit status:
   0  all holds
   1  something does not hold
   2  a mistake on the command line

Example:
  $ haet verify record.jws --key haet1... --archive entry.tar.gz --commitment commitment.json --reveal reveal.json
  $ haet verify record.jws --key haet1... --predictions predictions.npy --sealed withheld.age --labels-key labels-key.json
  $ haet verify graded --key haet1... --commitment commitment.json --reveal reveal.json --head 5f2c...
`;
