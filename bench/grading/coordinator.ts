// Measures what the coordinator of a grading takes by itself: time per run and memory in use, in every quarter of a
// grading. An executor that runs nothing returns copies of one stub's run, so thousands of runs are quick, and what other
// work does to the time of stages does not matter. `npm run bench:coordinator`, `-- --runs 10000` for more.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Command } from 'commander';
import type { Executor } from '../../evaluator/grade/executor.ts';
import { gradeArchives } from '../../evaluator/grade/gradeArchives.ts';
import { reportFile } from '../../evaluator/report/report.ts';
import { readRecord } from '../../evaluator/run/readRecord.ts';
import { recordFile } from '../../evaluator/run/record.ts';
import { writeRecord } from '../../evaluator/run/runFolder.ts';
import { openRunTrack } from '../../evaluator/run/runTrack.ts';
import { attemptsIn } from '../chaos/events.ts';
import { startGrade } from './startGrade.ts';
import { makeStubs } from './stubs.ts';

const { runs, seeds } = new Command()
  .name('npm run bench:coordinator --')
  .option('--runs <n>', 'runs of the grading', Number, 1000)
  .option('--seeds <n>', 'seeds of each entry', Number, 2)
  .parse()
  .opts<{ runs: number; seeds: number }>();

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const place = await mkdtemp(join(tmpdir(), 'haet-coordinator-'));
const stubs = await makeStubs(place, 1, 0);
const { code, stderr } = await startGrade(stubs, join(place, 'one'), []).ended;
if (code !== 0) throw new Error(`haet grade ended with ${code}: ${stderr}`);
const [original] = attemptsIn(join(place, 'one'));
const record = await readRecord(original!);

/** Seconds that the executor took, which are not the coordinator's. */
let executing = 0;
const executor: Executor = {
  ...{ sandbox: { kind: 'process' }, jobs: 1, takesUp: false },
  async run({ plan, archiveSha256 }) {
    const startedAt = performance.now();
    const folder = join(plan.runsFolder, basename(original!));
    const isCopied = (path: string) => ![recordFile, reportFile].includes(basename(path));
    await cp(original!, folder, { recursive: true, filter: isCopied });
    const copy = { ...record, folder, archiveSha256, seed: plan.seed };
    await writeRecord(folder, copy);
    executing += (performance.now() - startedAt) / 1000;
    return copy;
  },
};

interface Quarter {
  readonly seconds: number;
  readonly memoryBytes: number;
}
const quarters: Quarter[] = [];
let done = 0;
let since = performance.now();
const track = await openRunTrack(stubs.trackDir);
const archives = Array.from({ length: Math.ceil(runs / seeds) }, (_, at) => {
  const file = `stub-${at}.tar.gz`;
  return { file, path: join(place, file), sha256: (at + 1).toString(16).padStart(64, '0') };
});
const wanted = archives.length * seeds;
const { open } = await gradeArchives(
  {
    ...{ archives, track, outFolder: join(place, 'many'), machine: record.machine },
    seeds: Array.from({ length: seeds }, (_, at) => at + 1),
    ...{ trainSeconds: 60, predictSeconds: 60, processes: 1024, retries: 1, mostDisturbance: 1 },
  },
  executor,
  {
    abort: new AbortController().signal,
    warn: (sentence) => process.stderr.write(`${sentence}\n`),
    starts: () => {},
    ended: () => {
      done += 1;
      if (done !== Math.round((wanted * (quarters.length + 1)) / 4)) return;
      const seconds = (performance.now() - since) / 1000 - executing;
      collectGarbage();
      quarters.push({ seconds, memoryBytes: process.memoryUsage().heapUsed });
      executing = 0;
      since = performance.now();
    },
  },
);
await track.close();
await rm(place, { recursive: true });
if (open > 0) throw new Error(`${open} runs have no result`);
const each = quarters.map(({ seconds }) => ((4000 * seconds) / wanted).toFixed(1));
const memory = quarters.map(({ memoryBytes }) => (memoryBytes / 2 ** 20).toFixed(1));
process.stdout.write(
  `${wanted} runs, by quarters: ${each.join(', ')} ms of the coordinator per run; ${memory.join(', ')} MiB in use; ${cpus().length} CPUs, ${cpus()[0]?.model}\n`,
);
