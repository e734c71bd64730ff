import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { execa } from 'execa';
import { median } from 'simple-statistics';
import { secondsOf, startTrainers } from './trainers.ts';
import { leastWork } from './work.ts';

/**
 * Measures the training throughput of full-width ResNet-9 against PyTorch's: forward, backward and update with the same
 * batch size, threads and number type, alternating in one run after a warm-up, medians of the rounds; and as a share of
 * the machine's limit.
 */
const { json, batch, width, rounds, steps, engine } = new Command()
  .name('npm run bench:throughput --')
  .option(
    '--json',
    'end with one JSON line {ours, peer, ratio, limitShare, limitRate, hardware, memory, profile}',
  )
  .option('--batch <n>', 'images per step', Number, 250)
  .option('--width <n>', 'width of the network', Number, 1)
  .option('--rounds <n>', 'rounds, each timing both sides once', Number, 5)
  .option('--steps <n>', 'steps per round', Number, 2)
  .option('--engine <name>', 'engine of our blocks: native, stock or auto', 'auto')
  .parse()
  .opts<{ json?: true; batch: number; width: number; rounds: number; steps: number; engine: string }>();

const folder = fileURLToPath(new URL('../../../bench/throughput/', import.meta.url));
const threads = availableParallelism();
const cpuFlags = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
// The native ops compute only in float32.
const precision = engine !== 'native' && /\b(amx_bf16|avx512_bf16)\b/.test(cpuFlags) ? 'bfloat16' : 'float32';
const say = (text: string) => process.stderr.write(`${text}\n`);

const limits = [await measureLimit()];
const { ours, peer } = await startTrainers({ width, batch, precision, engine, threads });

say(`ResNet-9 width ${width}, batch ${batch}, ${precision}, ${threads} threads, ${cpus()[0]?.model}`);
for (const contender of [ours, peer]) await secondsOf(contender, 2);
const measured: { ours: number[]; peer: number[] } = { ours: [], peer: [] };
for (let round = 1; round <= rounds; round += 1) {
  measured.ours.push((batch * steps) / (await secondsOf(ours, steps)));
  measured.peer.push((batch * steps) / (await secondsOf(peer, steps)));
  say(
    `round ${round}: ours ${measured.ours.at(-1)!.toFixed(1)}, PyTorch ${measured.peer.at(-1)!.toFixed(1)} images/s`,
  );
  limits.push(await measureLimit());
}
const memory = {
  ours: await ours.ask<Memory>(`MEMORY ${steps}`),
  peer: await peer.ask<Memory>(`MEMORY ${steps}`),
};
const profile = await ours.ask<Record<string, number>>(`PROFILE ${steps}`);
await Promise.all([ours.stop(), peer.stop()]);

/** Peak memory of a side, and the page faults of one more step. */
interface Memory {
  readonly bytes: number;
  readonly faultsAStep: number;
}

/** Best of all rounds, because a shared machine can only be slower. */
const limit = {
  unit: limits[0]!.unit,
  flops: Math.max(...limits.map(({ flops }) => flops)),
  bytes: Math.max(...limits.map(({ bytes }) => bytes)),
};
const rate = { ours: median(measured.ours), peer: median(measured.peer) };
const ratio = median(measured.ours.map((value, round) => value / measured.peer[round]!));
const architecture = { width, classes: 10, celuAlpha: 1, logitScale: 1 };
const work = leastWork(architecture, batch, precision === 'bfloat16' ? 2 : 4);
const rateAtMost = (flops: number) => batch / (flops / limit.flops + work.bytes / limit.bytes);
const limitRate = { written: rateAtMost(work.flops), filtered: rateAtMost(work.filteredFlops) };
const least = precision === 'float32' ? 'filtered' : 'written';
const limitShare = rate.ours / limitRate[least];

say(
  `\nOurs ${rate.ours.toFixed(1)} images/s, PyTorch ${rate.peer.toFixed(1)}: ratio ${ratio.toFixed(2)} (median of ${rounds} rounds)`,
);
say(
  `Limit at ${(limit.flops / 1e9).toFixed(0)} GFLOP/s (${limit.unit}, operands in L1) and ${(limit.bytes / 1e9).toFixed(1)} GB/s: ` +
    `${limitRate.written.toFixed(0)} images/s for direct convolution; ours is ${((100 * rate.ours) / limitRate.written).toFixed(0)} % of it, ` +
    `PyTorch ${((100 * rate.peer) / limitRate.written).toFixed(0)} %`,
);
if (least === 'filtered') {
  say(
    `${limitRate.filtered.toFixed(0)} images/s with a quarter of the multiplications of the 3x3 convolutions: ours is ${(100 * limitShare).toFixed(0)} % of it`,
  );
}
for (const [name, { bytes, faultsAStep }] of [
  ['Ours', memory.ours],
  ['PyTorch', memory.peer],
] as const) {
  say(
    `${name}: at most ${(bytes / 1e9).toFixed(2)} GB resident, ${faultsAStep.toFixed(0)} page faults per step`,
  );
}
say('\nTime per op of our step, ms:');
const total = Object.values(profile).reduce((sum, milliseconds) => sum + milliseconds, 0);
const isShown = ([op]: [string, number], rank: number) => rank < 14 || op === 'augmentation';
for (const [op, milliseconds] of Object.entries(profile).filter(isShown)) {
  say(
    `${op.padEnd(28)} ${milliseconds.toFixed(1).padStart(8)} ${((100 * milliseconds) / total).toFixed(1).padStart(5)} %`,
  );
}
if (json) {
  const hardware = { cpu: cpus()[0]?.model, threads, precision, batch, width, limit };
  process.stdout.write(
    `${JSON.stringify({ ours: rate.ours, peer: rate.peer, ratio, limitShare, limitRate, hardware, memory, profile })}\n`,
  );
}

async function measureLimit(): Promise<{ flops: number; bytes: number; unit: string }> {
  const build = await mkdtemp(join(tmpdir(), 'haet-limit-'));
  try {
    const program = join(build, 'limit');
    await execa('c++', [
      '-O3',
      '-march=native',
      '-std=c++17',
      '-pthread',
      join(folder, 'limit.cc'),
      '-o',
      program,
    ]);
    const { stdout } = await execa(program, [String(threads), precision]);
    return JSON.parse(stdout);
  } finally {
    await rm(build, { recursive: true });
  }
}
