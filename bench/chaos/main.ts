// Grades stub entries on a Slurm cluster of three nodes on this machine while tasks, slurmd, slurmctld and the
// coordinator are killed, until enough has been killed, and compares every repetition with an undisturbed local run.
// Prints what was killed and what came out; ends with status 1 if anything is wrong. `npm run chaos`, as root, with
// Slurm and munge installed.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { startGrade } from '../grading/startGrade.ts';
import { makeStubs } from '../grading/stubs.ts';
import { startCluster, whyNoCluster } from '../slurmCluster.ts';
import { tellWithTime } from '../tellWithTime.ts';
import { type Chaos, runChaos } from './chaos.ts';
import { type SbatchFault, sbatchFaults } from './sbatchFaults.ts';
import { attackedIn, outcomeLines } from './table.ts';
import { endedByTimeLimit } from './timeLimit.ts';
import { killed, preemption, victims } from './victims.ts';

const { entries, seeds, kills, seed, every, keep } = new Command()
  .name('npm run chaos --')
  .option('--entries <n>', 'stub entries', Number, 60)
  .option('--seeds <n>', 'seeds of each', Number, 2)
  .option('--kills <n>', 'repeat until so many processes were killed', Number, 300)
  .option('--seed <n>', 'seed of the schedule', Number, 1)
  .option('--every <ms>', 'average time between two attacks of the schedule', Number, 1500)
  .option('--keep <folder>', 'copy the gradings there')
  .parse()
  .opts<{ entries: number; seeds: number; kills: number; seed: number; every: number; keep?: string }>();

const missing = whyNoCluster();
if (missing !== null) throw new Error(missing);
const tell = tellWithTime();
const nodes = ['n1', 'n2', 'n3'];
const shared = await mkdtemp(join(tmpdir(), 'haet-chaos-'));
const stubs = await makeStubs(shared, entries, 0.2);
tell(`undisturbed local run of ${entries} entries with ${seeds} seeds`);
const reference = join(shared, 'undisturbed');
const { code, stderr } = await startGrade(stubs, reference, ['--seeds', String(seeds)]).ended;
if (code !== 0) throw new Error(`the undisturbed run ended with ${code}: ${stderr}`);
const cluster = await startCluster(nodes, {}, preemption(nodes));
const runs: Chaos[] = [];
let wrong: string[] = [];
try {
  while (attackedIn(runs).kills < kills) {
    const run = await runChaos({
      ...{ cluster, nodes, stubs, seeds, reference, tell, victims, atStates: killed },
      place: join(shared, `repetition-${runs.length + 1}`),
      seed: seed + runs.length,
      everyMs: every,
      attacks: kills - attackedIn(runs).kills,
      ...{ restMs: 1500, startSeconds: 120 },
      sbatchFaults: Object.keys(sbatchFaults) as SbatchFault[],
    });
    runs.push(run);
    tell(`repetition ${runs.length}: ${attackedIn(runs).kills} killed, ${run.outcome.faults.length} wrong`);
    wrong = runs.flatMap(({ outcome }) => outcome.faults);
    if (wrong.length > 0) break;
  }
  tell('a task that Slurm ends at its time limit');
  wrong.push(...(await endedByTimeLimit(cluster, shared)));
} finally {
  await cluster.stop();
}
if (keep !== undefined) await cp(shared, keep, { recursive: true });
await rm(shared, { recursive: true });
const attacked = attackedIn(runs);
const lines = [
  `${attacked.kills} killed in ${runs.length} repetitions of ${entries} entries with ${seeds} seeds; ${cpus().length} CPUs, ${cpus()[0]?.model}`,
  '',
  ...attacked.lines,
  '',
  ...outcomeLines(runs),
  '',
  ...(wrong.length === 0 ? ['Nothing is wrong.'] : wrong.map((each) => `wrong: ${each}`)),
];
process.stdout.write(`${lines.join('\n')}\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;
