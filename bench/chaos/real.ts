// Grades real entries on a Slurm cluster of three nodes on this machine, one of which is drained and one killed in the
// middle: the reference submission, the shell and NumPy templates, and entries of the hostile corpus, in bubblewrap.
// Prints where each ran and what came out; ends with status 1 if a verdict is not one of those that are right.
// `npm run chaos:real`, as root, with Slurm, munge and bubblewrap installed.
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { execa } from 'execa';
import { packEntry } from '../../evaluator/intake/packEntry.ts';
import { projectFolder } from '../../evaluator/machine/version.ts';
import type { RunRecord } from '../../evaluator/run/record.ts';
import { corpusFolder, readAttack } from '../../evaluator/selfTest/attack.ts';
import { stageEntry } from '../../evaluator/selfTest/stageEntry.ts';
import { startGrade } from '../grading/startGrade.ts';
import { startCluster } from '../slurmCluster.ts';
import { attemptsIn, readJson } from './events.ts';

const hostile = [
  ...['archive-climbs', 'crashes-by-signal', 'exits-with-nothing', 'fork-bomb', 'ignores-sigterm'],
  ...['memory-hog', 'missing-program', 'outlives-parent', 'predict-crashes', 'sleeps-past-deadline'],
];

const { budget, python } = new Command()
  .name('npm run chaos:real --')
  .option('--budget <seconds>', 'train limit of every entry', Number, 30)
  .option('--python <path>', 'Python with NumPy for its template', process.env.HAET_TORCH_PYTHON ?? 'python3')
  .parse()
  .opts<{ budget: number; python: string }>();

const say = (text: string) => process.stderr.write(`${text}\n`);
const shared = await mkdtemp(join(tmpdir(), 'haet-real-'));
const [archives, trackDir, out] = ['archives', 'track', 'out'].map((name) => join(shared, name)) as [
  string,
  string,
  string,
];
await mkdir(archives);
await execa(process.execPath, [
  ...[join(projectFolder, 'cli/bin.mjs'), 'data', 'make', '--source', 'synthetic', '--out', trackDir],
  ...['--train-per-class', '50', '--test-per-class', '20'],
]);
/** Right verdicts by the name of the archive. */
const right = new Map<string, readonly string[]>();
await packReal('reference', join(projectFolder, 'dist/submission'));
await packReal('template-shell', join(projectFolder, 'examples/shell'));
const numpy = join(shared, 'numpy');
await cp(join(projectFolder, 'examples/numpy'), numpy, { recursive: true });
const manifest = await readFile(join(numpy, 'haet.json'), 'utf8');
await writeFile(join(numpy, 'haet.json'), manifest.replaceAll('"python3"', JSON.stringify(python)));
await packReal('template-numpy', numpy);
for (const name of hostile) {
  const attack = await readAttack(corpusFolder, name);
  const staged = await stageEntry(attack, shared, {} as never);
  const archive = `${name}.tar${attack.archive === undefined ? '.gz' : ''}`;
  if (attack.archive === undefined) await packEntry(staged, join(archives, archive));
  else await cp(staged, join(archives, archive));
  right.set(archive, attack.expected.verdicts);
}

const cluster = await startCluster(['n1', 'n2', 'n3']);
try {
  const words = ['--executor', 'slurm', '--sandbox', 'bubblewrap', '--cpus', '1', '--memory', '3000000000'];
  const grading = startGrade(
    { archives, trackDir },
    out,
    [...words, '--budget', String(budget), '--retries', '3'],
    cluster.env,
  );
  await untilRecorded(3);
  say('n2 is drained');
  cluster.run('scontrol', 'update', 'NodeName=n2', 'State=DRAIN', 'Reason=drained in the middle');
  await untilRecorded(6);
  say('n3 is killed with all that runs on it');
  cluster.killNode('n3', 'SIGKILL');
  for (const pid of await tasksOn('n3')) process.kill(pid, 'SIGKILL');
  cluster.run('scontrol', 'update', 'NodeName=n3', 'State=DOWN', 'Reason=killed in the middle');
  const { code, standing, stderr } = await grading.ended;
  const rows = standing?.rows ?? [];
  const records = attemptsIn(out).map(
    (attempt) => readJson(join(attempt, 'record.json')) as unknown as RunRecord,
  );
  const nodesOf = (sha256: string) =>
    records
      .filter(({ archiveSha256 }) => archiveSha256 === sha256)
      .sort((a, b) => a.attempt - b.attempt)
      .map(({ verdict, evidence }) => `${/ran on node (\w+)/.exec(evidence.join())?.[1] ?? verdict}`);
  const wrong = rows.filter(({ archive, verdict }) => !right.get(archive)?.includes(verdict ?? ''));
  const lines = [
    `${cpus().length} CPUs, ${cpus()[0]?.model}`,
    '',
    '| archive | verdict | accuracy | attempts, in order |',
    '| --- | --- | --- | --- |',
    ...rows.map(
      ({ archive, verdict, accuracy, sha256 }) =>
        `| ${archive} | ${verdict} | ${accuracy === null ? '' : `${(100 * accuracy).toFixed(1)} %`} | ${nodesOf(sha256).join(', ')} |`,
    ),
    '',
    ...wrong.map(({ archive, verdict }) => `wrong: ${archive}: ${verdict}, right: ${right.get(archive)}`),
    ...(code === 0 ? [] : [`wrong: haet grade ended with ${code}: ${stderr.trim().split('\n').at(-1)}`]),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  process.exitCode = code === 0 && wrong.length === 0 ? 0 : 1;
} finally {
  await cluster.stop();
  await rm(shared, { recursive: true });
}

/** Packs an entry that must be scored. */
async function packReal(name: string, folder: string): Promise<void> {
  const archive = `${name}.tar.gz`;
  await packEntry(folder, join(archives, archive));
  right.set(archive, ['SCORED']);
}

async function untilRecorded(count: number): Promise<void> {
  const recorded = () => attemptsIn(out).filter((attempt) => readJson(join(attempt, 'record.json')) !== null);
  while (recorded().length < count) await sleep(300);
}

async function tasksOn(node: string): Promise<number[]> {
  const of = await Promise.all(
    cluster.processesWith('node-task').map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
      return environment.includes(`SLURMD_NODENAME=${node}`) ? [pid] : [];
    }),
  );
  return of.flat();
}
