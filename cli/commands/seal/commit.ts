import { randomInt } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { createFile } from '../../../datasets/atomicWrite.ts';
import { isAgeFile } from '../../../datasets/sealing/age.ts';
import { commitTo, MOST_SEED } from '../../../datasets/sealing/commitment.ts';
import { readWhole } from '../../../datasets/sealing/readWhole.ts';
import {
  type ContestTerms,
  commitPattern,
  committedSandboxes,
  describeTerms,
  imageIdPattern,
} from '../../../datasets/sealing/terms.ts';
import { UserError } from '../../../datasets/userError.ts';
import { cleanCommit } from '../../../evaluator/machine/commit.ts';
import { entryMemoryBytes } from '../../../evaluator/machine/entryMemory.ts';
import { describeMachine } from '../../../evaluator/machine/machine.ts';
import { version } from '../../../evaluator/machine/version.ts';
import { byteCount, cpuCount, integer, runSeed } from '../../options/numberOption.ts';
import {
  budgetOption,
  defaultLimits,
  predictLimitOption,
  type StageLimitOptions,
} from '../../options/stageLimits.ts';
import { say, sayJson } from '../../terminal.ts';
import { jsonFile } from './jsonFile.ts';

interface CommitOptions extends StageLimitOptions {
  readonly sealed: string;
  readonly seeds: number;
  readonly seedList?: readonly number[];
  readonly cpus?: number;
  readonly memory?: number;
  readonly processes: number;
  readonly sandbox: ContestTerms['sandbox'];
  readonly imageId?: string;
  readonly evaluatorCommit?: string;
  readonly out: string;
  readonly reveal: string;
  readonly json?: boolean;
}

/** `haet seal commit`: writes hashes of the sealed set and the seeds, and the terms, to publish before a contest. */
export function commitCommand(command: Command): void {
  command
    .description(
      'Before a contest: write the commitment, with hashes of sealed set and seeds and the terms, for publication.',
    )
    .requiredOption('--sealed <file>', 'the sealed file, withheld.age')
    .addOption(
      new Option('--seeds <n>', 'number of random seeds')
        .argParser(integer(1, 1000))
        .default(3)
        .conflicts('seedList'),
    )
    .option('--seed-list <list>', 'comma-separated seeds', seedList)
    .addOption(budgetOption())
    .addOption(predictLimitOption())
    .option('--cpus <n>', 'CPUs for an entry (default: all of this machine)', cpuCount)
    .option('--memory <bytes>', 'memory for an entry (default: all of this machine)', byteCount)
    .option(
      '--processes <n>',
      'maximum number of processes and threads',
      integer(1, 2 ** 22),
      defaultLimits.processes,
    )
    .addOption(
      new Option('--sandbox <kind>', 'sandbox of the runs').choices(committedSandboxes).default('docker'),
    )
    .option(
      '--image-id <sha256>',
      'content hash of the image that entries run in (default: any)',
      matching(imageIdPattern),
    )
    .option(
      '--evaluator-commit <hash>',
      "commit of the evaluator (default: this evaluator's, if known and without uncommitted changes)",
      matching(commitPattern),
    )
    .requiredOption('--out <file>', 'commitment to write: publish it')
    .requiredOption('--reveal <file>', 'reveal to write: keep it secret until the contest has ended')
    .option('--json', 'last line on standard output: the two files, the hashes and the terms, not the seeds')
    .addHelpText(
      'after',
      `
The commitment names this version of the evaluator. haet grade and haet official refuse other terms, and haet verify checks
them.

Example:
  $ haet seal commit --sealed withheld.age --seeds 3 --out commitment.json --reveal reveal.json \\
      --cpus 4 --memory 12884901888 --image-id $(docker image inspect --format '{{.Id}}' haet)
`,
    )
    .action(commit);
}

async function commit(options: CommitOptions): Promise<void> {
  const { sealed, out } = options;
  const { bytes } = await readWhole(sealed);
  if (!isAgeFile(bytes)) {
    throw new UserError({
      option: '--sealed',
      path: sealed,
      reason: 'is not an age file',
      remedy: 'Give the file that `haet seal` wrote.',
    });
  }
  const { commitment, reveal } = commitTo(
    bytes,
    options.seedList ?? drawSeeds(options.seeds),
    await contestTermsOf(options),
  );
  // Writes the reveal first, because a commitment without it is useless.
  await createFile(options.reveal, jsonFile(reveal), 0o600);
  try {
    await createFile(out, jsonFile(commitment));
  } catch (error) {
    await rm(options.reveal, { force: true });
    throw error;
  }

  if (options.json) {
    const { sealedSha256, seedsSha256, terms } = commitment;
    sayJson({ commitment: resolve(out), reveal: resolve(options.reveal), sealedSha256, seedsSha256, terms });
    return;
  }
  say(
    `${resolve(out)}: publish it before the first entry arrives`,
    `  withheld set  sha256 ${commitment.sealedSha256}`,
    `  seeds         sha256 ${commitment.seedsSha256}`,
    `  terms         ${describeTerms(commitment.terms)}`,
    `${resolve(options.reveal)}: the ${reveal.seeds.length} seeds; keep it secret and publish it when the contest has ended`,
  );
}

async function contestTermsOf(options: CommitOptions): Promise<ContestTerms> {
  const machine = await describeMachine();
  return {
    trainSeconds: options.budget,
    predictSeconds: options.predictLimit,
    cpus: options.cpus ?? machine.cores,
    memoryBytes: options.memory ?? entryMemoryBytes(machine),
    processes: options.processes,
    sandbox: options.sandbox,
    image: options.imageId ?? null,
    evaluator: { version, commit: options.evaluatorCommit ?? (await cleanCommit()) },
  };
}

function matching(pattern: RegExp): (text: string) => string {
  return (text) => {
    if (pattern.test(text)) return text;
    throw new InvalidArgumentError(`Expected ${pattern.source.slice(1, -1)}.`);
  };
}

/** Draws distinct seeds from the system's random numbers. */
function drawSeeds(count: number): number[] {
  const seeds = new Set<number>();
  while (seeds.size < count) seeds.add(randomInt(MOST_SEED + 1));
  return [...seeds];
}

function seedList(text: string): number[] {
  const seeds = text.split(',').map(runSeed);
  if (new Set(seeds).size < seeds.length) throw new InvalidArgumentError('A seed occurs twice.');
  return seeds;
}
