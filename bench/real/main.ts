// Grades real entries on a Slurm cluster of three nodes on this machine: the reference submission, the templates in
// PyTorch, NumPy and shell, and ten hostile entries. In the middle, one node is drained and another is killed with all
// that runs there. Compares every verdict with the expected one and with that of a local run of the same archives, and
// prints a table; ends with status 1 if anything is wrong. `npm run cluster:real`, as root, with Slurm, munge and
// bubblewrap installed.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { makeTrack } from '../../datasets/makeTrack.ts';
import { readSynthetic } from '../../datasets/sources/synthetic.ts';
import type { Standing } from '../../evaluator/grade/standing.ts';
import { attemptsIn, readJson } from '../chaos/events.ts';
import { startGradeOf } from '../grading/startGrade.ts';
import { startCluster, whyNoCluster } from '../slurmCluster.ts';
import { tellWithTime } from '../tellWithTime.ts';
import { disturb } from './disturb.ts';
import { type Group, makeEntries } from './entries.ts';
import { leftBehind } from './leftBehind.ts';
import { outcomeOf, type Pair } from './outcome.ts';
import { disturbanceLines, tableLines } from './table.ts';

const { budget, keep } = new Command()
  .name('npm run cluster:real --')
  .option('--budget <seconds>', 'time to train; PyTorch gets three times as much', Number, 20)
  .option('--keep <folder>', 'copy the gradings there')
  .parse()
  .opts<{ budget: number; keep?: string }>();

const missing = whyNoCluster();
if (missing !== null) throw new Error(missing);
const startedAt = performance.now();
const tell = tellWithTime();
const nodes = ['n1', 'n2', 'n3'];
/** Marks the stages of these runs among all processes of the machine. */
const seed = 100_000 + process.pid;
const terms = ['--seed', String(seed), '--cpus', '1', '--memory', String(4 * 2 ** 30)];

const shared = await mkdtemp(join(tmpdir(), 'haet-real-'));
const trackDir = join(shared, 'track');
const source = await readSynthetic({ perClass: 650, seed: 1 });
await makeTrack(source, { trainPerClass: 500, testPerClass: 100, seed: 1, out: trackDir });
const { fenced, unfenced } = await makeEntries(shared, trackDir);
if (unfenced === null) tell('PyTorch is left out: this machine has none; HAET_TORCH_PYTHON can name one');
/** PyTorch first, so that it is under way when a node is killed. */
const groups = [...(unfenced === null ? [] : [unfenced]), fenced];
const outOf = (where: string, group: Group) => join(shared, `${where}-${groups.indexOf(group)}`);

const local: Standing[] = [];
for (const group of groups) {
  tell(`${group.entries.length} entries on this machine`);
  local.push(await grade(group, outOf('local', group)));
}

const wrong: string[] = [];
const lines: string[] = [];
const cluster = await startCluster(nodes);
try {
  tell(`all entries on ${nodes.length} nodes`);
  const over = new AbortController();
  const outs = groups.map((group) => outOf('slurm', group));
  const victim = fenced.entries.find(({ name }) => name.endsWith('reference'))!.sha256;
  const disturbing = disturb(cluster, nodes, outs, victim, budget / 4, over.signal);
  const slurm = await Promise.all(
    groups.map((group) => grade(group, outOf('slurm', group), ['--executor', 'slurm', '--retries', '2'])),
  ).finally(() => over.abort());
  const disturbance = await disturbing;
  if (disturbance === null)
    throw new Error('the reference submission did not train long enough to be disturbed');
  const records = outs.flatMap(attemptsIn).map((attempt) => readJson(join(attempt, 'record.json')));
  wrong.push(
    ...(await leftBehind(
      cluster,
      seed,
      records.map((record) => String(record?.runId)),
    )),
  );
  const outcomes = groups.map((group, at) => {
    const pair: Pair = { entries: group.entries, local: local[at]!, slurm: slurm[at]!, out: outs[at]! };
    return outcomeOf(pair, disturbance);
  });
  wrong.push(...outcomes.flatMap(({ faults }) => faults));
  const names = new Map(groups.flatMap(({ entries }) => entries.map(({ sha256, name }) => [sha256, name])));
  lines.push(...disturbanceLines(disturbance, names), '');
  lines.push(...tableLines(outcomes.flatMap(({ rows }) => rows)), '');
} finally {
  await cluster.stop();
  if (keep !== undefined) await cp(shared, keep, { recursive: true });
  await rm(shared, { recursive: true });
}
const seconds = (performance.now() - startedAt) / 1000;
process.stdout.write(
  [
    `${budget} s of training, ${seconds.toFixed(0)} s in all; ${cpus().length} CPUs, ${cpus()[0]?.model}`,
    '',
    ...lines,
    ...(wrong.length === 0 ? ['Nothing is wrong.'] : wrong.map((each) => `wrong: ${each}`)),
    '',
  ].join('\n'),
);
process.exitCode = wrong.length === 0 ? 0 : 1;

/** Grades a group; on the cluster, which exists by then, if the words say so. */
async function grade(group: Group, out: string, words: readonly string[] = []): Promise<Standing> {
  const env = words.length > 0 ? cluster.env : process.env;
  const given = [...group.fence, '--budget', String(budget * group.patience), ...terms, ...words];
  const { code, standing, stderr } = await startGradeOf(group.folder, trackDir, out, given, env).ended;
  if (code === 0 && standing !== null) return standing;
  throw new Error(
    `haet grade ${given.join(' ')} ended with ${code}: ${stderr.trim().split('\n').slice(-5).join(' / ')}`,
  );
}
