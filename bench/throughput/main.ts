import { availableParallelism, cpus } from 'node:os';
import { Command } from 'commander';
import { median } from 'simple-statistics';
import { variantOf } from '../../submission/engine/native/variants.ts';
import { bestLimits, type Method, peerPrecisions, rateLimit } from './limits.ts';
import { measureLimits } from './measureLimits.ts';
import type { Contender } from './peers.ts';
import { secondsOf, startOurs, startPeer } from './trainers.ts';
import { leastWork } from './work.ts';

/**
 * Measures the training throughput of full-width ResNet-9 against PyTorch's: forward, backward and update with the same
 * batch size and threads. All paths that a run of ours chooses from and both precisions of PyTorch alternate in one run
 * after a warm-up, medians of the rounds; the fastest of each side are compared. Each has its share of the machine's
 * limit.
 */
const { json, batch, width, rounds, steps, engine } = new Command()
  .name('npm run bench:throughput --')
  .option(
    '--json',
    'end with one JSON line {ours, peer, ratio, limitShare, trainers, limits, hardware, memory, profile}',
  )
  .option('--batch <n>', 'images per step', Number, 250)
  .option('--width <n>', 'width of the network', Number, 1)
  .option('--rounds <n>', 'rounds, each timing every path once', Number, 5)
  .option('--steps <n>', 'steps per round', Number, 2)
  .option('--engine <name>', 'engine of our blocks, as in the setting', 'auto')
  .parse()
  .opts<{ json?: true; batch: number; width: number; rounds: number; steps: number; engine: string }>();

process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
const { pathsFor } = await import('../../submission/hardware.ts');
const { cpuFlags } = await import('../../submission/engine/native/addon.ts');
const say = (text: string) => process.stderr.write(`${text}\n`);
const threads = availableParallelism();

/** A way to train, in a process of its own. */
interface Trainer extends Method {
  readonly side: 'ours' | 'peer';
  readonly name: string;
  readonly contender: Contender;
  /** Images per second, one per round. */
  readonly rates: number[];
}

const shape = { width, batch, threads };
const trainers: Trainer[] = [];
for (const path of pathsFor({ engine, precision: 'auto' })) {
  const precision = path.bfloat16 ? 'bfloat16' : 'float32';
  const name = `ours, ${path.engine} ops in ${precision}`;
  const contender = await startOurs(shape, path);
  // Only the native ops compute 3x3 convolutions by minimal filtering.
  trainers.push({
    side: 'ours',
    name,
    precision,
    filtered: variantOf(path.engine) !== null,
    contender,
    rates: [],
  });
}
for (const precision of peerPrecisions(cpuFlags())) {
  const contender = await startPeer(shape, precision);
  trainers.push({
    side: 'peer',
    name: `PyTorch in ${precision}`,
    precision,
    filtered: false,
    contender,
    rates: [],
  });
}

say(`ResNet-9 width ${width}, batch ${batch}, ${threads} threads, ${cpus()[0]?.model}`);
const measuredLimits = [await measureLimits(threads)];
for (const { contender } of trainers) await secondsOf(contender, 2);
for (let round = 1; round <= rounds; round += 1) {
  for (const { contender, rates } of trainers)
    rates.push((batch * steps) / (await secondsOf(contender, steps)));
  say(
    `round ${round}: ${trainers.map(({ name, rates }) => `${name} ${rates.at(-1)!.toFixed(1)}`).join('; ')} images/s`,
  );
  measuredLimits.push(await measureLimits(threads));
}

const fastestOf = (side: Trainer['side']): Trainer =>
  trainers
    .filter((trainer) => trainer.side === side)
    .reduce((best, each) => (median(each.rates) > median(best.rates) ? each : best));
const [ours, peer] = [fastestOf('ours'), fastestOf('peer')];
const memory = {
  ours: await ours.contender.ask<Memory>(`MEMORY ${steps}`),
  peer: await peer.contender.ask<Memory>(`MEMORY ${steps}`),
};
const profile = await ours.contender.ask<Record<string, number>>(`PROFILE ${steps}`);
await Promise.all(trainers.map(({ contender }) => contender.stop()));

/** Peak memory of a side, and the page faults of one more step. */
interface Memory {
  readonly bytes: number;
  readonly faultsAStep: number;
}

const limits = bestLimits(measuredLimits);
const architecture = { width, classes: 10, celuAlpha: 1, logitScale: 1 };
const results = trainers.map((trainer) => {
  const { side, name, precision } = trainer;
  const work = leastWork(architecture, batch, precision === 'bfloat16' ? 2 : 4);
  const limit = rateLimit(limits, trainer, work, batch);
  const imagesPerSecond = median(trainer.rates);
  return { side, name, imagesPerSecond, limit, limitShare: imagesPerSecond / limit.imagesPerSecond };
});
const resultOf = (trainer: Trainer) => results[trainers.indexOf(trainer)]!;
const ratio = median(ours.rates.map((rate, round) => rate / peer.rates[round]!));

say(`\n${'medians'.padEnd(34)}  images/s     limit   share  of the limit with`);
for (const [index, { name, imagesPerSecond, limit, limitShare }] of results.entries()) {
  const multiplications = trainers[index]!.filtered
    ? 'a quarter of the multiplications'
    : 'direct convolution';
  say(
    `${name.padEnd(34)}  ${imagesPerSecond.toFixed(1).padStart(8)}  ${limit.imagesPerSecond.toFixed(0).padStart(8)}  ${(100 * limitShare).toFixed(0).padStart(4)} %  ${limit.unit}, ${multiplications}`,
  );
}
say(
  `\nThe fastest of each: ${ours.name} / ${peer.name} = ${ratio.toFixed(2)} (median of the ratios of ${rounds} rounds)`,
);
say(
  `Limits: ${limits.units.map(({ unit, flops }) => `${unit} ${(flops / 1e9).toFixed(0)} GFLOP/s`).join(', ')} with operands in L1; memory ${(limits.bytes / 1e9).toFixed(1)} GB/s`,
);
for (const [name, { bytes, faultsAStep }] of [
  [ours.name, memory.ours],
  [peer.name, memory.peer],
] as const) {
  say(
    `${name}: at most ${(bytes / 1e9).toFixed(2)} GB resident, ${faultsAStep.toFixed(0)} page faults per step`,
  );
}
say(`\nTime per op of a step, ${ours.name}, ms:`);
const total = Object.values(profile).reduce((sum, milliseconds) => sum + milliseconds, 0);
const isShown = ([op]: [string, number], rank: number) => rank < 14 || op === 'augmentation';
for (const [op, milliseconds] of Object.entries(profile).filter(isShown)) {
  say(
    `${op.padEnd(28)} ${milliseconds.toFixed(1).padStart(8)} ${((100 * milliseconds) / total).toFixed(1).padStart(5)} %`,
  );
}
if (json) {
  const hardware = { cpu: cpus()[0]?.model, threads, batch, width };
  const { imagesPerSecond, limitShare } = resultOf(ours);
  const peerRate = resultOf(peer).imagesPerSecond;
  process.stdout.write(
    `${JSON.stringify({ ours: imagesPerSecond, peer: peerRate, ratio, limitShare, trainers: results, limits, hardware, memory, profile })}\n`,
  );
}
