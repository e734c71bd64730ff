import type { KeyObject } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { readCommitment, readReveal, revealFault } from '../../datasets/sealing/commitment.ts';
import { UserError } from '../../datasets/userError.ts';
import { lockFolder } from '../../evaluator/machine/lockFolder.ts';
import { isFolder } from '../recordFiles.ts';
import { sayer, sayJson } from '../terminal.ts';

interface Options {
  readonly out: string;
  readonly identity?: string;
  readonly commitment?: string;
  readonly reveal?: string;
  readonly json?: boolean;
}

const endings = /\.(?:tar\.gz|tgz)$/i;

/** `haet export`: writes the records of a grading as one file that anyone can verify. */
export function exportCommand(command: Command): void {
  command
    .argument('<graded>', 'the --out folder of `haet grade`')
    .requiredOption('--out <file>', 'the bundle to write, *.tar.gz')
    .option(
      '--identity <file>',
      'secret key of the organizer, which signed the runs; signs the list of files',
    )
    .option('--commitment <file>', 'commitment.json to include, as published before the contest')
    .option('--reveal <file>', 'reveal.json to include, which publishes the seeds; with --commitment')
    .option('--json', 'last line on standard output: the sha256 of the bundle and its files')
    .addHelpText('after', help)
    .action(exportRecords);
}

async function exportRecords(graded: string, options: Options): Promise<void> {
  if (!endings.test(options.out)) {
    throw new UserError({
      option: `--out ${options.out}`,
      reason: 'must end in .tar.gz or .tgz',
      remedy: 'Give another name.',
    });
  }
  if (!(await isFolder(graded))) {
    throw new UserError({
      path: resolve(graded),
      reason: 'is not a folder',
      remedy: 'Give the --out folder of `haet grade`.',
    });
  }
  await requireMatching(options);
  const unlock = lockFolder(resolve(graded));
  try {
    // Loaded here because it is too slow for --help.
    const { exportBundle } = await import('../../evaluator/grade/bundle/exportBundle.ts');
    const { out, identity, commitment, reveal } = options;
    const { sha256, files } = await exportBundle(resolve(graded), out, {
      ...(commitment !== undefined && { commitment }),
      ...(reveal !== undefined && { reveal }),
      ...(identity !== undefined && { signingKey: await signingKeyIn(identity) }),
    });
    sayer(options)(
      `${resolve(options.out)}: ${files.length} files, verified`,
      `sha256 ${sha256}`,
      'Publish this sha256 with it. It contains scores and evidence, so publish it after the labels.',
    );
    if (options.json) sayJson({ bundle: resolve(options.out), sha256, files });
  } finally {
    unlock();
  }
}

async function signingKeyIn(identity: string): Promise<KeyObject> {
  // Loaded here because they are too slow for --help.
  const { readIdentity } = await import('../../datasets/sealing/readIdentity.ts');
  const { deriveSigningKey } = await import('../../evaluator/attest/signingKey.ts');
  return deriveSigningKey(await readIdentity(identity));
}

/** Rejects a reveal that is not of the commitment, before anything is copied. */
async function requireMatching({ commitment, reveal }: Options): Promise<void> {
  const read = commitment === undefined ? undefined : await readCommitment(commitment);
  if (reveal === undefined) return;
  if (read === undefined) {
    throw new UserError({ option: '--reveal', reason: 'needs --commitment', remedy: 'Give both files.' });
  }
  const fault = revealFault(read, await readReveal(reveal));
  if (fault === null) return;
  throw new UserError({
    option: '--reveal',
    path: reveal,
    reason: fault,
    remedy: 'Give the two files of the same `haet seal commit`.',
  });
}

const help = `
The bundle contains every record, signed and not, the chain, the decisions, the receipts and the leaderboard: no key, model,
log, prediction or label. Records name the paths of the run on this machine. The same files give the same bytes. It is
verified before it is written, as \`haet verify\` does.

Where runs are signed, --identity signs the list of files, so that nobody else can void an attempt or undo that. Run it where
no entry runs, because it reads the identity.

Exit status:
  0  written
  2  wrong command line, a folder that is not a grading, or a bundle that would not verify

Example:
  $ haet export graded --out records.tar.gz --identity identity.txt --commitment commitment.json --reveal reveal.json
  $ haet verify records.tar.gz --key haet1... --head 5f2c...
`;
