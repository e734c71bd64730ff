// Times the network's blocks, forward and backward, against TensorFlow (oneDNN) and PyTorch, each in float32 and, on a
// CPU with instructions for it, in bfloat16: alternating in one run, after a warm-up; medians of the rounds.
// `npm run bench:kernels`, `-- --json` for one line of JSON at the end.
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { median } from 'simple-statistics';
import { nativePath, variantOf } from '../../submission/engine/native/variants.ts';
import { channels, convolutions } from '../../submission/model/resnet9.ts';
import { type Precision, peerPrecisions } from '../throughput/limits.ts';
import {
  type Contender,
  jemallocEnvironment,
  ourEnvironment,
  start,
  torchPython,
} from '../throughput/peers.ts';
import { plotKernels } from './plots.ts';
import { type Answer, kernels, type Question } from './question.ts';
import { type Result, type Side, sides } from './result.ts';

/** The blocks, each shape once. */
const blockNames = ['stem', 'layer1', 'residual1a', 'layer2', 'layer3', 'residual3a'];
const { json, batch, width, rounds, engine, only, plots } = new Command()
  .name('npm run bench:kernels --')
  .option('--json', 'end with one JSON line {results, slower, hardware}')
  .option('--batch <n>', 'images', Number, 250)
  .option('--width <n>', 'width of the network', Number, 1)
  .option('--rounds <n>', 'rounds, each timing every side in turn', Number, 3)
  .option(
    '--engine <name>',
    'variant of our ops, such as native-avx2; native: the first that the CPU can run',
    'native',
  )
  .addOption(new Option('--only <block>').choices(blockNames))
  .option('--plots <folder>', 'draw bar charts into this folder')
  .parse()
  .opts<{
    json?: true;
    batch: number;
    width: number;
    rounds: number;
    engine: string;
    only?: string;
    plots?: string;
  }>();

process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
const { cpuFlags, nativeVariants } = await import('../../submission/engine/native/addon.ts');
const threads = availableParallelism();
const repeats = 2;
const warmUps = 5;
const environment = await ourEnvironment(threads);
const ours = (engine: string, precision: Precision) =>
  start(
    process.execPath,
    [fileURLToPath(new URL('ours.js', import.meta.url)), engine, precision, String(threads)],
    environment,
  );
const python = await torchPython();
const peer = fileURLToPath(new URL('../../../bench/kernels/peer.py', import.meta.url));
const variant = engine === 'native' ? nativeVariants()[0] : variantOf(engine);
if (variant === undefined || variant === null) throw new Error(`This machine cannot run ${engine}.`);
const { engine: native, bfloat16 } = nativePath(variant);

/** A side in a number type, in a process of its own. */
interface Timed {
  readonly side: Side;
  readonly precision: Precision;
  readonly contender: Contender;
}
const precision = bfloat16 ? 'bfloat16' : 'float32';
const all: Timed[] = [
  { side: 'native', precision, contender: ours(native, precision) },
  ...peerPrecisions(cpuFlags()).flatMap((precision): Timed[] => [
    { side: 'TensorFlow', precision, contender: ours('stock', precision) },
    {
      side: 'PyTorch',
      precision,
      contender: start(python, [peer, String(threads), precision], jemallocEnvironment()),
    },
  ]),
];

const say = (text: string) => process.stderr.write(`${text}\n`);
say(`width ${width}, batch ${batch}, ${native}, ${threads} threads, ${cpus()[0]?.model}`);
say(
  `${'block'.padEnd(12)}${'direction'.padEnd(11)}${sides.map((name) => name.padStart(18)).join('')}    ratio`,
);
const results: Result[] = [];
for (const { block, ...shape } of blocks().filter(({ block }) => only === undefined || block === only)) {
  for (const kernel of kernels) {
    const wantsInput = block !== 'stem'; // nobody needs the gradient of an image
    const times = new Map(all.map((each): [Timed, number[]] => [each, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const [{ contender }, own] of times) {
        const question: Question = { kernel, batch, ...shape, wantsInput, repeats, warmUps };
        const { seconds } = await contender.ask<Answer>(JSON.stringify(question));
        own.push(1000 * Math.min(...seconds));
      }
    }
    const timeOf = (each: Timed) => median(times.get(each)!);
    const others = (round: number) =>
      Math.min(...all.filter(({ side }) => side !== 'native').map((each) => times.get(each)![round]!));
    const bySide = <Value>(value: (best: Timed) => Value) =>
      Object.fromEntries(sides.map((side) => [side, value(fasterOf(side, timeOf))])) as Record<Side, Value>;
    const milliseconds = bySide(timeOf);
    const products = kernel === 'backward' && wantsInput ? 2 : 1;
    const flops = 2 * products * batch * shape.edge ** 2 * 9 * shape.inputs * shape.outputs;
    const result: Result = {
      block,
      kernel,
      milliseconds,
      precision: bySide(({ precision }) => precision),
      ratio: median(times.get(all[0]!)!.map((time, round) => others(round) / time)),
      gflops: bySide((best) => flops / timeOf(best) / 1e6),
    };
    results.push(result);
    const cells = sides
      .map((side) => `${milliseconds[side].toFixed(1)} ms ${result.precision[side]}`.padStart(18))
      .join('');
    say(`${block.padEnd(12)}${kernel.padEnd(11)}${cells} ${result.ratio.toFixed(2).padStart(8)}`);
  }
}
await Promise.all(all.map(({ contender }) => contender.stop()));

const slower = results.filter(({ ratio }) => ratio < 1).map(({ block, kernel }) => `${block} ${kernel}`);
say(
  slower.length === 0
    ? '\nNo block is slower than the faster peer.'
    : `\nSlower than the faster peer: ${slower.join(', ')}`,
);
if (plots !== undefined) {
  await plotKernels(
    results,
    `width ${width}, batch ${batch}, ${native}, ${threads} cores of ${cpus()[0]?.model}`,
    plots,
  );
}
if (json) {
  const hardware = { cpu: cpus()[0]?.model, threads, batch, width };
  process.stdout.write(`${JSON.stringify({ results, slower, hardware })}\n`);
}

/** Returns a side in the number type in which it took less time. */
function fasterOf(side: Side, timeOf: (each: Timed) => number): Timed {
  return all
    .filter((each) => each.side === side)
    .reduce((best, each) => (timeOf(each) < timeOf(best) ? each : best));
}

/** Lists the network's blocks from input to output. */
function blocks() {
  const [stem] = channels(width);
  const all = [{ name: 'stem', in: 3, out: stem, pool: false }, ...convolutions(width)];
  let edge = 32;
  const shapes = all.map(({ name, in: inputs, out: outputs, pool }) => {
    const block = { block: name, edge, inputs, outputs, pool };
    if (pool) edge /= 2;
    return block;
  });
  return shapes.filter(({ block }) => blockNames.includes(block));
}
