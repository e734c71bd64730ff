// Measures what grading costs beyond the stages of the runs, with stub entries whose stages take a few milliseconds:
// seconds per run, total time, and peak memory of the coordinator at several numbers of runs, on this machine and on a
// Slurm cluster of this machine. `npm run bench:grading`, `-- --runs 10000` for more, `-- --plots FOLDER` for plots.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { startCluster, whyNoCluster } from '../slurmCluster.ts';
import { type Measured, measureGrading } from './measureGrading.ts';
import { plotGrading } from './plots.ts';
import { makeStubs, type Stubs } from './stubs.ts';

const { runs, seeds, nodes, only, resume, json, plots } = new Command()
  .name('npm run bench:grading --')
  .option(
    '--runs <n>',
    'runs of the largest grading; others have a tenth, and three tenths of it',
    Number,
    1000,
  )
  .option('--seeds <n>', 'seeds of each entry', Number, 2)
  .option('--nodes <n>', 'nodes of the cluster', Number, 2)
  .option('--only <executor>', 'local or slurm')
  .option('--resume <folder>', 'keep the gradings there; after Ctrl-C, the same command goes on with them')
  .option('--json', 'end with one JSON line {points, hardware}')
  .option('--plots <folder>', 'draw plots into this folder')
  .parse()
  .opts<{
    runs: number;
    seeds: number;
    nodes: number;
    only?: string;
    resume?: string;
    json?: true;
    plots?: string;
  }>();

const say = (text: string) => process.stderr.write(`${text}\n`);
const hardware = `${cpus().length} CPUs, ${cpus()[0]?.model}`;
say(`${hardware}; stub entries with ${seeds} seeds; the cluster has ${nodes} nodes`);
const sizes = [0.1, 0.3, 1].map((share) => Math.max(1, Math.round((runs * share) / seeds)) * seeds);
const points: Measured[] = [];
for (const executor of ['local', 'slurm'] as const) {
  if (only !== undefined && only !== executor) continue;
  const missing = executor === 'slurm' ? whyNoCluster() : null;
  if (missing !== null) {
    say(`slurm: not available (${missing})`);
    continue;
  }
  const names = Array.from({ length: nodes }, (_, at) => `n${at + 1}`);
  const cluster = executor === 'slurm' ? await startCluster(names) : null;
  try {
    for (const size of sizes) points.push(await measure(executor, size, cluster?.env));
  } finally {
    await cluster?.stop();
  }
}
if (plots !== undefined) await plotGrading(points, plots);
if (json) process.stdout.write(`${JSON.stringify({ points, hardware })}\n`);

async function measure(executor: Measured['executor'], size: number, env?: NodeJS.ProcessEnv) {
  const place =
    resume === undefined
      ? await mkdtemp(join(tmpdir(), 'haet-grading-'))
      : resolve(resume, `${executor}-${size / seeds}x${seeds}`);
  try {
    const done = join(place, 'done.json');
    const point: Measured = existsSync(done)
      ? JSON.parse(await readFile(done, 'utf8'))
      : await measureGrading({
          ...{ executor, stubs: await stubsIn(place, size / seeds), seeds, place },
          ...(env && { env }),
        });
    await replaceFile(done, JSON.stringify(point));
    const { overhead, seconds, peakMemoryBytes } = point;
    say(
      `${executor.padEnd(5)} ${String(size).padStart(6)} runs: ${overhead.toFixed(2)} s per run beyond its stages (median), ${seconds.toFixed(0)} s in all (${(seconds / size).toFixed(2)} s per run), peak memory of the coordinator ${(peakMemoryBytes / 2 ** 20).toFixed(0)} MiB`,
    );
    return point;
  } finally {
    if (resume === undefined) await rm(place, { recursive: true });
  }
}

/** Makes the stubs of a grading, or returns those that an earlier call made. */
async function stubsIn(place: string, count: number): Promise<Stubs> {
  const made = join(place, 'stubs.json');
  if (existsSync(made)) return JSON.parse(await readFile(made, 'utf8'));
  await rm(place, { recursive: true, force: true });
  await mkdir(place, { recursive: true });
  const stubs = await makeStubs(place, count, 0);
  await replaceFile(made, JSON.stringify(stubs));
  return stubs;
}
