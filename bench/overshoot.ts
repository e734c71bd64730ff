// Measures how long after the deadline an entry is stopped (no process runs its own code) and gone (no process is
// left). Runs a busy entry 20 times per available sandbox, the process sandbox with both of its methods; the entry
// keeps every core busy, holds memory and ignores signals. `npm run bench:overshoot`, `-- --json` for one line of JSON
// at the end, `-- --image NAME` for the image of the docker sandbox (any with a shell and Node).
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { max, median } from 'simple-statistics';
import { createSandbox } from '../evaluator/sandbox/createSandbox.ts';
import { defaultImage } from '../evaluator/sandbox/docker/engine.ts';
import { createProcessSandbox } from '../evaluator/sandbox/process/process.ts';
import type { Sandbox } from '../evaluator/sandbox/sandbox.ts';
import { watch } from '../evaluator/stage/watchdog.ts';

const { json, image } = new Command()
  .name('npm run bench:overshoot --')
  .option('--json', 'end with one JSON line')
  .option('--image <name>', 'image of the docker sandbox', defaultImage)
  .parse()
  .opts<{ json?: true; image: string }>();

const repeats = 20;
const limitSeconds = 1;
const memoryMiB = 256;

/** One busy process per core; the first also holds the memory, touched so that it is resident. */
const busy = `process.on('SIGTERM', () => {}); Buffer.alloc(${memoryMiB} * 2 ** 20, 1); for (;;);`;
const script = `i=1; while [ $i -lt ${availableParallelism()} ]; do (setsid sh -c 'while :; do :; done' &); i=$((i + 1)); done; exec node -e "${busy}"`;

const makers: [string, () => Promise<Sandbox>][] = [
  ['process, by namespace', () => createProcessSandbox('namespace')],
  ['process, by tree', () => createProcessSandbox('tree')],
  ['bubblewrap', () => createSandbox('bubblewrap')],
  ['docker', () => createSandbox('docker', { image })],
];
const results: Record<string, { stopped: Spread; gone: Spread }> = {};
for (const [name, make] of makers) {
  const sandbox = await make().catch((error: Error) => {
    process.stderr.write(`${name}: not available (${error.message})\n`);
    return null;
  });
  if (sandbox === null) continue;
  const runs: Overshoot[] = [];
  for (let run = 0; run < repeats; run++) runs.push(await overshoot(sandbox));
  const stopped = spreadOf(runs.map((run) => run.stoppedMs));
  const gone = spreadOf(runs.map((run) => run.goneMs));
  results[name] = { stopped, gone };
  process.stderr.write(
    `${name}: stopped ${inWords(stopped)} after the deadline, gone ${inWords(gone)} (${repeats} runs)\n`,
  );
}
if (json) {
  const hardware = `${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown'}`;
  process.stdout.write(`${JSON.stringify({ repeats, memoryMiB, results, hardware })}\n`);
}

/** Milliseconds. */
interface Spread {
  readonly medianMs: number;
  readonly maxMs: number;
}
interface Overshoot {
  readonly stoppedMs: number;
  readonly goneMs: number;
}

function spreadOf(values: number[]): Spread {
  return { medianMs: median(values), maxMs: max(values) };
}

function inWords({ medianMs, maxMs }: Spread): string {
  return `${medianMs.toFixed(1)} ms (median; at most ${maxMs.toFixed(1)} ms)`;
}

async function overshoot(sandbox: Sandbox): Promise<Overshoot> {
  const folder = await mkdtemp(join(tmpdir(), 'haet-overshoot-'));
  const stage = await sandbox.start({
    argv: ['/bin/sh', '-c', script],
    cwd: '/',
    environment: {
      PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      HAET_RUN_ID: `overshoot-${process.pid}`,
    },
    progress: false,
    mounts: [],
    out: { host: folder, inside: '/out' },
    work: '/work',
    limits: {
      cpus: availableParallelism(),
      memoryBytes: 2 ** 31,
      processes: 1024,
      workBytes: 2 ** 28,
      outBytes: 2 ** 20,
      outFiles: 100,
    },
  });
  stage.stdout.resume();
  stage.stderr.resume();
  const { kill } = await watch(stage, limitSeconds, {});
  await stage.output.collect();
  await rm(folder, { recursive: true });
  const late = (at: number) => at - stage.startedAt - limitSeconds * 1000;
  return { stoppedMs: late(kill.stoppedAt), goneMs: late(kill.goneAt) };
}
