import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { execa } from 'execa';
import { UserError } from '../../datasets/userError.ts';
import { compileNative, runCompiler } from '../compileNative.ts';

/**
 * Counts the instructions of each native kernel with valgrind, on small problems with one thread. The count is the same
 * in every run, however busy the machine is, so that a regression is visible at once. Counts depend on the compiler,
 * which `recorded.json` names.
 */
const { json, record } = new Command()
  .name('npm run bench:instructions --')
  .option('--json', 'end with one JSON line {compiler, counts, recorded}')
  .option('--record', 'write the counts to bench/instructions/recorded.json')
  .parse()
  .opts<{ json?: true; record?: true }>();

const problems = [
  'forward 4 32 3 32',
  'backward 4 32 3 32',
  'forward-pooled 4 32 32 64',
  'backward-pooled 4 32 32 64',
  'forward 4 16 64 64',
  'backward 4 16 64 64',
  'forward-pooled 16 8 128 128',
  'backward-pooled 16 8 128 128',
  'forward 16 4 128 144',
  'backward 16 4 128 144',
  'update 1 1 128 128',
];

interface Counts {
  readonly compiler: string;
  /** Instructions by problem: kernel, batch, edge, channels in, channels out. */
  readonly counts: Record<string, number>;
}

const project = fileURLToPath(new URL('../../../', import.meta.url));
const folder = join(project, 'bench/instructions');
const recordedFile = join(folder, 'recorded.json');
const say = (text: string) => process.stderr.write(`${text}\n`);

const build = await mkdtemp(join(tmpdir(), 'haet-instructions-'));
try {
  const program = join(build, 'driver');
  await compileNative(project, join(folder, 'driver.cc'), program, { variant: 'avx2' }, ['-O3']); // valgrind does not know AVX-512
  const version = (await runCompiler(['--version'])).stdout.split('\n')[0]!;
  const recorded: Counts = JSON.parse(await readFile(recordedFile, 'utf8'));
  const isSame = recorded.compiler === version;
  if (!isSame) say(`Recorded with ${recorded.compiler}; this is ${version}, so counts may differ.`);
  const counts: Record<string, number> = {};
  say(`${'kernel batch edge in out'.padEnd(34)}${'instructions'.padStart(14)}   vs recorded`);
  for (const problem of problems) {
    counts[problem] = await instructions(program, problem);
    const before = recorded.counts[problem];
    const change = before === undefined ? 'new' : `${(100 * (counts[problem]! / before - 1)).toFixed(2)} %`;
    say(`${problem.padEnd(34)}${String(counts[problem]).padStart(14)} ${change.padStart(12)}`);
  }
  if (record) await writeFile(recordedFile, `${JSON.stringify({ compiler: version, counts }, null, 2)}\n`);
  if (json) process.stdout.write(`${JSON.stringify({ compiler: version, counts, recorded })}\n`);
} finally {
  await rm(build, { recursive: true });
}

/** Counts instructions. @throws UserError if valgrind is not installed, or reports no count */
async function instructions(program: string, problem: string): Promise<number> {
  const { stderr, failed, code } = await execa(
    'valgrind',
    [
      ...[
        '--tool=callgrind',
        '--toggle-collect=measured',
        `--callgrind-out-file=${join(build, 'callgrind')}`,
      ],
      ...[program, ...problem.split(' ')],
    ],
    { reject: false },
  );
  if (code === 'ENOENT') throw new UserError('valgrind is not installed (apt install valgrind).');
  const collected = /Collected : (\d+)/.exec(stderr)?.[1];
  if (failed || collected === undefined) throw new UserError(`valgrind failed on "${problem}":\n${stderr}`);
  return Number(collected);
}
