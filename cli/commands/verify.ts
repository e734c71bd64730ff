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
import { isBundle, verifyOneBundle } from '../verifyBundle.ts';
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
/** Options for further checks, listed in the line that says what was not checked. */
const furtherChecks = {
  archive: '--archive',
  predictions: '--predictions',
  sealed: '--sealed',
  track: '--track',
  labelsKey: '--labels-key',
  commitment: '--commitment',
  reveal: '--reveal',
} as const;

/** `haet verify`: verifies one signed record, or the chain of several. */
export function verifyCommand(command: Command): void {
  command
    .argument(
      '<records...>',
      'record.jws of a run; several files or a folder of runs are checked as a chain; or a bundle that `haet export` wrote',
    )
    .option('--key <key>', 'the organizer’s public key, haet1...; not for a bundle whose runs are not signed')
    .option('--archive <file>', 'archive of the entry')
    .option('--predictions <file>', 'predictions.npy of the run')
    .option('--sealed <file>', 'withheld.age, the sealed set')
    .option('--track <dir>', 'the public Track of the run')
    .option(
      '--labels-key <file>',
      'labels-key.json, published after the contest: opens the labels of --sealed and scores --predictions again',
    )
    .option('--commitment <file>', 'commitment.json, published before the contest')
    .option('--reveal <file>', 'reveal.json, published after the contest; with --commitment')
    .option(
      '--head <sha256>',
      'sha256 of the last record, from the leaderboard; shows that none is missing at the end',
      sha256,
    )
    .option(
      '--json',
      'last line on standard output: the result, the checks, options for further checks, the run, details of its score',
    )
    .addHelpText('after', help)
    .action(verify);
}

async function verify(given: readonly string[], options: Options): Promise<void> {
  if (await hasBundle(given)) return report(await bundleOutcome(given, options), options);
  const evidence = await readEvidence(options);
  const isOne = given.length === 1 && !(await isFolder(given[0]!));
  if (!isOne) requireNoneOfOneRun(options);
  const outcome = isOne
    ? await verifyOne(given[0]!, evidence, options)
    : await verifySeveral(given, evidence, options.head);
  report(outcome, options);
}

async function hasBundle(given: readonly string[]): Promise<boolean> {
  for (const path of given) if (await isBundle(path)) return true;
  return false;
}

async function bundleOutcome(given: readonly string[], options: Options): Promise<Outcome> {
  if (given.length > 1) {
    throw new UserError('a bundle is verified by itself. Give one path.');
  }
  requireNoneOfOneRun(options);
  const { head, key } = options;
  if (head !== undefined && key === undefined) {
    throw new UserError('--head needs --key: only signed records form a chain.');
  }
  return verifyOneBundle(given[0]!, {
    ...(await readOtherEvidence(options)),
    key: key === undefined ? null : parseVerifyKey(key),
    ...(head !== undefined && { head }),
  });
}

function report({ lines, json, holds }: Outcome, options: Options): void {
  sayer(options)(...lines);
  if (options.json) sayJson(json);
  process.exitCode = holds ? 0 : doesNotHold;
}

async function verifyOne(path: string, evidence: Evidence, options: Options): Promise<Outcome> {
  if (options.head !== undefined) {
    throw new UserError('--head needs all records of a contest. Give their files or their folder.');
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
      reason: 'applies to one run',
      remedy: 'Give a single record.jws with it.',
    });
  }
}

async function readEvidence(options: Options): Promise<Evidence> {
  const { key } = options;
  if (key === undefined) {
    throw new UserError(
      '--key is missing. Give the key haet1... that the organizer published before the contest; a key that came with the record proves nothing.',
    );
  }
  return { key: parseVerifyKey(key), ...(await readOtherEvidence(options)) };
}

async function readOtherEvidence(options: Options): Promise<Omit<Evidence, 'key'>> {
  const { commitment, reveal, archive, predictions, sealed, track, labelsKey } = options;
  if (reveal !== undefined && commitment === undefined) {
    throw new UserError('--reveal needs --commitment, as published before the contest.');
  }
  if (labelsKey !== undefined && (sealed === undefined || predictions === undefined)) {
    throw new UserError('--labels-key needs --sealed withheld.age and --predictions predictions.npy.');
  }
  return {
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
  const unchecked = options === '' ? [] : [`  not checked, because not given: ${options}`];
  const terms = notChecked.includes(furtherChecks.commitment)
    ? [`  terms: ${describeTerms(usedTermsOf(official))}`]
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

/** Formats the part of the score that the record of a sealed Track omits until the labels are published. */
function describeDetails({ perClass, logLoss, calibration }: ScoreDetails): string[] {
  const width = Math.max(...perClass.map(({ name }) => name.length));
  return [
    ...perClass.map(
      ({ name, correct, total }) => `  class  ${name.padEnd(width)}  ${correct} of ${total} correct`,
    ),
    `  log-loss ${logLoss.toFixed(3)} nats, expected calibration error ${calibration.expectedError.toFixed(3)}`,
  ];
}

/** Summarises a valid record. */
function runOf({ official }: Verification) {
  return official === null ? null : { ...summaryOf(official), digests: official.digests };
}

function sha256(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new InvalidArgumentError('Expected 64 hexadecimal digits.');
}

const help = `
Checks run in order and stop at the first that fails; each prints what it proves. With --labels-key, which the organizer
publishes after the contest, the predictions are scored again and every figure is compared with the record. Then accuracy by
class, confusion matrix (--json), log-loss and calibration are shown, which the record omits.

Every record has a number and names the record before it. For several records or a folder of runs, haet checks that none is
missing or exchanged, and lists all attempts per archive. --head shows that none is missing at the end.

Of a bundle, everything is checked: its files, the signatures and the chain, that no attempt is missing, and that the leaderboard
follows from the records. A bundle whose runs are not signed is checked without --key.

Exit status:
   0  everything holds
   1  something does not hold
   2  wrong command line

Example:
  $ haet verify record.jws --key haet1... --archive entry.tar.gz --commitment commitment.json --reveal reveal.json
  $ haet verify record.jws --key haet1... --predictions predictions.npy --sealed withheld.age --labels-key labels-key.json
  $ haet verify graded --key haet1... --commitment commitment.json --reveal reveal.json --head 5f2c...
  $ haet verify records.tar.gz --key haet1... --head 5f2c...
`;
