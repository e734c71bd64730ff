// Times the network's blocks, forward and backward, against TensorFlow (oneDNN) and PyTorch: alternating in one run,
// after a warm-up, float32; medians of the rounds. `npm run bench:kernels`, `-- --json` for one line of JSON at the
// end.
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { median } from 'simple-statistics';
import { channels, convolutions } from '../../submission/model/resnet9.ts';
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
  .option('--engine <name>', 'variant of our ops: native-avx2, native-avx512; native: the widest', 'native')
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

const threads = availableParallelism();
const repeats = 2;
const warmUps = 5;
const environment = await ourEnvironment(threads);
const ours = (engine: string) =>
  start(
    process.execPath,
    [fileURLToPath(new URL('ours.js', import.meta.url)), engine, String(threads)],
    environment,
  );
const peer = fileURLToPath(new URL('../../../bench/kernels/peer.py', import.meta.url));
const contenders: Record<Side, Contender> = {
  native: ours(engine),
  TensorFlow: ours('stock'),
  PyTorch: start(await torchPython(), [peer, String(threads)], jemallocEnvironment()),
};

const say = (text: string) => process.stderr.write(`${text}\n`);
say(`width ${width}, batch ${batch}, float32, ${threads} threads, ${cpus()[0]?.model}`);
say(
  `${'block'.padEnd(12)}${'direction'.padEnd(11)}${sides.map((name) => name.padStart(13)).join('')}    ratio`,
);
const results: Result[] = [];
for (const { block, ...shape } of blocks().filter(({ block }) => only === undefined || block === only)) {
  for (const kernel of kernels) {
    const wantsInput = block !== 'stem'; // nobody needs the gradient of an image
    const times: Record<Side, number[]> = { native: [], TensorFlow: [], PyTorch: [] };
    for (let round = 0; round < rounds; round += 1) {
      for (const name of sides) {
        const question: Question = { kernel, batch, ...shape, wantsInput, repeats, warmUps };
        const { seconds } = await contenders[name].ask<Answer>(JSON.stringify(question));
        times[name].push(1000 * Math.min(...seconds));
      }
    }
    const others = (round: number) => Math.min(times.TensorFlow[round]!, times.PyTorch[round]!);
    const bySide = (value: (side: Side) => number) =>
      Object.fromEntries(sides.map((side) => [side, value(side)])) as Record<Side, number>;
    const milliseconds = bySide((side) => median(times[side]));
    const products = kernel === 'backward' && wantsInput ? 2 : 1;
    const flops = 2 * products * batch * shape.edge ** 2 * 9 * shape.inputs * shape.outputs;
    const result: Result = {
      block,
      kernel,
      milliseconds,
      ratio: median(times.native.map((time, round) => others(round) / time)),
      gflops: bySide((side) => flops / milliseconds[side] / 1e6),
    };
    results.push(result);
    const cells = sides.map((name) => `${milliseconds[name].toFixed(1)} ms`.padStart(13)).join('');
    say(`${block.padEnd(12)}${kernel.padEnd(11)}${cells} ${result.ratio.toFixed(2).padStart(8)}`);
  }
}
await Promise.all(sides.map((name) => contenders[name].stop()));

const slower = results.filter(({ ratio }) => ratio < 1).map(({ block, kernel }) => `${block} ${kernel}`);
say(
  slower.length === 0
    ? '\nNo block is slower than the faster peer.'
    : `\nSlower than the faster peer: ${slower.join(', ')}`,
);
if (plots !== undefined) {
  await plotKernels(
    results,
    `width ${width}, batch ${batch}, ${threads} cores of ${cpus()[0]?.model}`,
    plots,
  );
}
if (json) {
  const hardware = { cpu: cpus()[0]?.model, threads, batch, width };
  process.stdout.write(`${JSON.stringify({ results, slower, hardware })}\n`);
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
