// How long after the deadline is everything of an entry gone? Twenty short runs of an entry that keeps every core
// busy, holds memory and ignores what signals it can; for each way in which the process sandbox holds processes
// together. `npm run bench:overshoot`, `-- --json` for one line of JSON at the end.
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { max, median } from 'simple-statistics';
import { namespaceFlags } from '../evaluator/sandbox/namespace.ts';
import { createProcessSandbox, type Isolation } from '../evaluator/sandbox/process.ts';
import { watch } from '../evaluator/watchdog.ts';

const repeats = 20;
const limitSeconds = 0.5;
const memoryMiB = 256;

/** One core kept busy by each process; the first holds the memory, touched so that it is really there. */
const busy = `process.on('SIGTERM', () => {}); Buffer.alloc(${memoryMiB} * 2 ** 20, 1); for (;;);`;
const script = `i=1; while [ $i -lt ${availableParallelism()} ]; do (setsid sh -c 'while :; do :; done' &); i=$((i + 1)); done; exec "$0" -e "${busy}"`;

const isolations: Isolation[] = (await namespaceFlags()) === null ? ['tree'] : ['namespace', 'tree'];
const results: Record<string, { medianMs: number; maxMs: number }> = {};
for (const isolation of isolations) {
  const overshoots: number[] = [];
  for (let run = 0; run < repeats; run++) overshoots.push(await overshootMs(isolation));
  results[isolation] = { medianMs: median(overshoots), maxMs: max(overshoots) };
  process.stderr.write(
    `${isolation}: all gone ${median(overshoots).toFixed(1)} ms after the deadline (median of ${repeats}; at most ${max(overshoots).toFixed(1)} ms)\n`,
  );
}
if (process.argv.includes('--json')) {
  const hardware = `${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown'}`;
  process.stdout.write(`${JSON.stringify({ repeats, memoryMiB, results, hardware })}\n`);
}

async function overshootMs(isolation: Isolation): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'haet-overshoot-'));
  const sandbox = await createProcessSandbox(isolation);
  const stage = await sandbox.start({
    argv: ['/bin/sh', '-c', script, process.execPath],
    cwd: folder,
    environment: { PATH: '/usr/local/bin:/usr/bin:/bin', HAET_RUN_ID: folder },
    progress: false,
    mounts: [],
    work: folder,
    limits: { cpus: availableParallelism(), memoryBytes: 2 ** 31, processes: 1024, workBytes: 2 ** 28 },
  });
  stage.stdout.resume();
  stage.stderr.resume();
  const { kill } = await watch(stage, limitSeconds, {});
  await rm(folder, { recursive: true, force: true });
  return kill.goneAt - stage.startedAt - limitSeconds * 1000;
}
