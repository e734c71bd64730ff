// The kernels of a training step one by one, ours beside TensorFlow's (oneDNN) and PyTorch's: in turn within one run,
// after a warm-up, float32, on the shapes of the network; medians of the rounds. `npm run bench:kernels`, `-- --json`
// for one line of JSON at the end.
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { median } from 'simple-statistics';
import { channels, convolutions } from '../../submission/model/resnet9.ts';
import {
  allocatorEnvironment,
  type Contender,
  jemallocEnvironment,
  start,
  torchPython,
} from '../throughput/peers.ts';
import { type Answer, type Kernel, kernels, type Question } from './question.ts';

const { json, batch, width, rounds, only } = new Command()
  .name('npm run bench:kernels --')
  .option('--json', 'end with one JSON line {results, slower, hardware}')
  .option('--batch <n>', 'images', Number, 250)
  .option('--width <n>', 'width of the network', Number, 1)
  .option('--rounds <n>', 'rounds, each timing every side in turn', Number, 3)
  .option('--only <block>', 'stem, layer1, residual1a, layer2, layer3 or residual3a')
  .parse()
  .opts<{ json?: true; batch: number; width: number; rounds: number; only?: string }>();

const threads = availableParallelism();
const repeats = 2;
const environment = {
  ...(await allocatorEnvironment()),
  TF_NUM_INTRAOP_THREADS: String(threads),
  TF_NUM_INTEROP_THREADS: '1',
  TF_CPP_MIN_LOG_LEVEL: '2',
};
const ours = (engine: string) =>
  start(
    process.execPath,
    [fileURLToPath(new URL('ours.js', import.meta.url)), engine, String(threads)],
    environment,
  );
const peer = fileURLToPath(new URL('../../../bench/kernels/peer.py', import.meta.url));
const contenders: Record<'native' | 'tensorflow' | 'pytorch', Contender> = {
  native: ours('native'),
  tensorflow: ours('stock'),
  pytorch: start(await torchPython(), [peer, String(threads)], jemallocEnvironment()),
};
type Name = keyof typeof contenders;
const names = Object.keys(contenders) as Name[];

interface Result {
  readonly block: string;
  readonly kernel: Kernel;
  /** Milliseconds of one call, median. */
  readonly milliseconds: Record<Name, number>;
  /** Times as fast as the faster of the two others: median over the rounds. */
  readonly ratio: number;
  /** Of the sum as it is written; null where it is memory that counts. */
  readonly gflops: number | null;
}

const say = (text: string) => process.stderr.write(`${text}\n`);
say(`width ${width}, batch ${batch}, float32, ${threads} threads, ${cpus()[0]?.model}`);
say(`${'block'.padEnd(12)}${'kernel'.padEnd(17)}${names.map((name) => name.padStart(13)).join('')}    ratio`);
const results: Result[] = [];
for (const { block, ...shape } of blocks().filter(({ block }) => only === undefined || block === only)) {
  for (const kernel of kernels) {
    if (kernel === 'input gradient' && block === 'stem') continue; // nobody wants it
    const times: Record<Name, number[]> = { native: [], tensorflow: [], pytorch: [] };
    for (let round = 0; round < rounds; round += 1) {
      for (const name of names) {
        const question: Question = { kernel, batch, ...shape, repeats };
        const { seconds } = await contenders[name].ask<Answer>(JSON.stringify(question));
        times[name].push(1000 * Math.min(...seconds));
      }
    }
    const others = (round: number) => Math.min(times.tensorflow[round]!, times.pytorch[round]!);
    const milliseconds = Object.fromEntries(
      names.map((name) => [name, median(times[name])]),
    ) as Result['milliseconds'];
    const flops = 2 * batch * shape.edge ** 2 * 9 * shape.inputs * shape.outputs;
    const result: Result = {
      block,
      kernel,
      milliseconds,
      ratio: median(times.native.map((time, round) => others(round) / time)),
      gflops: kernel.startsWith('tail') ? null : flops / milliseconds.native / 1e6,
    };
    results.push(result);
    const cells = names.map((name) => `${milliseconds[name].toFixed(1)} ms`.padStart(13)).join('');
    say(`${block.padEnd(12)}${kernel.padEnd(17)}${cells} ${result.ratio.toFixed(2).padStart(8)}`);
  }
}
await Promise.all(names.map((name) => contenders[name].stop()));

const slower = results.filter(({ ratio }) => ratio < 1).map(({ block, kernel }) => `${block} ${kernel}`);
say(
  slower.length === 0
    ? '\nNone is slower than the faster of the two.'
    : `\nSlower than the faster of the two: ${slower.join(', ')}`,
);
if (json) {
  const hardware = { cpu: cpus()[0]?.model, threads, batch, width };
  process.stdout.write(`${JSON.stringify({ results, slower, hardware })}\n`);
}

/** The network's blocks from input to output, those of one shape once. */
function blocks() {
  const [stem] = channels(width);
  const all = [{ name: 'stem', in: 3, out: stem, pool: false }, ...convolutions(width)];
  let edge = 32;
  const shapes = all.map(({ name, in: inputs, out: outputs, pool }) => {
    const block = { block: name, edge, inputs, outputs, pool };
    if (pool) edge /= 2;
    return block;
  });
  return shapes.filter(({ block }) => !block.endsWith('b'));
}
