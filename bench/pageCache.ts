// Measures how much of a message in the page cache the next stage can read. The message has one bit per page of the
// files in /usr/lib and /usr/bin: the writer reads the pages of one bits. The reader detects cached pages in two ways:
// by the bytes that /proc/self/io counts as read from disk, and by the time of each read, with the threshold that gives
// the fewest errors (unknown to an attacker, so an upper bound). Each run is made twice, without emptying the cache
// between the stages and with it, as the evaluator does. The cache is empty before both, because eviction calls are
// refused and a writer cannot evict pages itself.
// `npm run bench:page-cache`, `-- --runs N`, `-- --image NAME` for the image of the docker sandbox, which needs Node,
// `-- --json` for one line of JSON at the end.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import { mean, median } from 'simple-statistics';
import { numberOption } from '../cli/options/numberOption.ts';
import { createSandbox } from '../evaluator/sandbox/createSandbox.ts';
import { defaultImage } from '../evaluator/sandbox/docker/engine.ts';
import type { Sandbox } from '../evaluator/sandbox/sandbox.ts';
import { corpusFolder } from '../evaluator/selfTest/attack.ts';

const { runs, image, json } = new Command()
  .name('npm run bench:page-cache --')
  .option('--runs <n>', 'runs per sandbox', numberOption({ min: 1, max: 1000, integer: true }), 5)
  .option('--image <name>', 'image of the docker sandbox', defaultImage)
  .option('--json', 'end with one JSON line')
  .parse()
  .opts<{ runs: number; image: string; json?: true }>();

const mostBits = 7200;

/** How a message is read in one run. */
interface Reading {
  readonly bits: number;
  readonly errors: { readonly counter: number; readonly time: number };
  readonly clearMs: number;
}

const results: Record<string, object> = {};
for (const kind of ['bubblewrap', 'docker'] as const) {
  const sandbox = await createSandbox(kind, { image }).catch((error: Error) => {
    process.stderr.write(`${kind}: not available (${error.message})\n`);
    return null;
  });
  if (sandbox?.pageCache === undefined) continue;
  for (const cleared of [false, true]) {
    const readings: Reading[] = [];
    for (let run = 0; run < runs; run++) readings.push(await passMessage(sandbox, cleared));
    const name = `${kind}, cache ${cleared ? 'emptied' : 'left'} between the stages`;
    results[name] = summarise(name, readings);
  }
}
if (json) process.stdout.write(`${JSON.stringify({ runs, results, cpu: cpus()[0]?.model ?? 'unknown' })}\n`);

async function passMessage(sandbox: Sandbox, cleared: boolean): Promise<Reading> {
  const message = randomBytes(Math.ceil(mostBits / 8));
  const bitAt = (index: number) => (message[index >> 3]! >> (index & 7)) & 1;
  await sandbox.pageCache!.clear([corpusFolder]);
  const written = Number(
    await stage(
      sandbox,
      `const places = pages(${mostBits});
      const message = Buffer.from('${message.toString('hex')}', 'hex');
      write(places, places.map((_, index) => (message[index >> 3] >> (index & 7)) & 1));
      console.log(places.length);`,
    ),
  );
  const start = performance.now();
  if (cleared) await sandbox.pageCache!.clear([corpusFolder]);
  const clearMs = performance.now() - start;
  const read: { fetched: boolean; nanoseconds: number }[] = JSON.parse(
    await stage(sandbox, `console.log(JSON.stringify(read(pages(${mostBits}))));`),
  );
  if (read.length !== written || written === 0)
    throw new Error(`${written} pages written, ${read.length} read`);
  return {
    bits: read.length,
    errors: {
      counter: read.filter(({ fetched }, index) => Number(!fetched) !== bitAt(index)).length,
      time: fewestErrors(read.map(({ nanoseconds }, index) => ({ nanoseconds, bit: bitAt(index) }))),
    },
    clearMs,
  };
}

/** Returns the errors of the best rule `one if the read took less than t`, with t chosen afterwards. */
function fewestErrors(reads: { nanoseconds: number; bit: number }[]): number {
  const sorted = [...reads].sort((a, b) => a.nanoseconds - b.nanoseconds);
  let errors = sorted.filter(({ bit }) => bit === 1).length; // all read as zeros
  let fewest = errors;
  for (const { bit } of sorted) {
    errors += bit === 1 ? -1 : 1;
    fewest = Math.min(fewest, errors);
  }
  return fewest;
}

/** Runs a script with the attack's channel in its own stage, and returns its output. */
async function stage(sandbox: Sandbox, script: string): Promise<string> {
  const out = await mkdtemp(join(tmpdir(), 'haet-page-cache-'));
  const running = await sandbox.start({
    argv: [
      'node',
      '--input-type=module',
      '-e',
      `import { pages, read, write } from '/entry/channel.mjs'; ${script}`,
    ],
    cwd: '/entry',
    environment: {
      PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      HAET_RUN_ID: `page-cache-${process.pid}`,
    },
    progress: false,
    mounts: [{ host: join(corpusFolder, 'page-cache/entry'), inside: '/entry' }],
    out: { host: out, inside: '/out' },
    work: '/work',
    limits: {
      cpus: 1,
      memoryBytes: 2 ** 30,
      processes: 256,
      workBytes: 2 ** 20,
      outBytes: 2 ** 20,
      outFiles: 100,
    },
  });
  const [stdout, stderr, { exitCode }] = await Promise.all([
    text(running.stdout),
    text(running.stderr),
    running.exited,
  ]);
  await running.kill();
  running.output.discard();
  await rm(out, { recursive: true });
  if (exitCode !== 0) throw new Error(stderr);
  return stdout;
}

function summarise(name: string, readings: readonly Reading[]) {
  const bits = mean(readings.map((each) => each.bits));
  const of = (by: 'counter' | 'time') => {
    const errors = readings.map((each) => each.errors[by]);
    const rate = mean(errors) / bits;
    return { errors, rate, readableBits: bits * (1 - entropy(Math.min(rate, 0.5))) };
  };
  const [counter, time] = [of('counter'), of('time')];
  const clearMs = readings.map((each) => each.clearMs);
  const sentence = ({ errors, rate, readableBits }: typeof counter) =>
    `${median(errors)} errors (${(100 * rate).toFixed(1)} %), ${readableBits.toFixed(0)} bits readable`;
  process.stderr.write(
    `${name}, ${bits.toFixed(0)} bits per run, ${runs} runs:\n  by counter  ${sentence(counter)}\n  by time     ${sentence(time)}\n  emptying took ${median(clearMs).toFixed(0)} ms (median), at most ${Math.max(...clearMs).toFixed(0)} ms\n`,
  );
  return { bits, counter, time, clearMs };
}

/** Returns the uncertainty of a bit with the given error rate, in bits (Shannon's binary entropy). */
function entropy(rate: number): number {
  if (rate <= 0 || rate >= 1) return 0;
  return -rate * Math.log2(rate) - (1 - rate) * Math.log2(1 - rate);
}
