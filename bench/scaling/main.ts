import { availableParallelism, cpus } from 'node:os';
import { Command } from 'commander';
import { median } from 'simple-statistics';
import { secondsOf, startOurs, startPeer } from '../throughput/trainers.ts';
import { type Point, plotScaling } from './plots.ts';

/**
 * Measures the cost of a training step by batch size, width of the network and cores, against PyTorch, float32,
 * alternating at every point after a warm-up, medians of the rounds.
 */
const { json, rounds, plots } = new Command()
  .name('npm run bench:scaling --')
  .option('--json', 'end with one JSON line {points, hardware}')
  .option('--rounds <n>', 'rounds, each timing both sides once', Number, 3)
  .option('--plots <folder>', 'draw a plot into this folder')
  .parse()
  .opts<{ json?: true; rounds: number; plots?: string }>();

process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
const { pathsFor } = await import('../../submission/hardware.ts');
const [path] = pathsFor({ engine: 'native', precision: 'auto' });
const cores = availableParallelism();
const usual = { width: 0.5, batch: 64, threads: cores };
/** Values of the varied quantity, from small to large; the others keep their defaults. */
const varied = {
  batch: [16, 32, 64, 128, 256, 512],
  width: [0.25, 0.375, 0.5, 0.75, 1],
  threads: [1, 2, 4, 8, 16, 32].filter((count) => count <= cores),
};
/** Images per side and round: enough for a second or two. */
const imagesARound = 512;

const say = (text: string) => process.stderr.write(`${text}\n`);
say(
  `images/s; defaults: width ${usual.width}, batch ${usual.batch}, ${cores} threads; float32, ${cpus()[0]?.model}`,
);
const points: Point[] = [];
for (const [axis, values] of Object.entries(varied) as [keyof typeof varied, number[]][]) {
  for (const value of values) {
    const point = { axis, value, ...(await rates({ ...usual, [axis]: value })) };
    points.push(point);
    say(
      `${axis.padEnd(8)} ${String(value).padStart(5)}   ours ${point.ours.toFixed(1).padStart(7)}   PyTorch ${point.peer.toFixed(1).padStart(7)}   ratio ${(point.ours / point.peer).toFixed(2)}`,
    );
  }
}
if (plots !== undefined) await plotScaling(points, plots);
if (json) {
  process.stdout.write(`${JSON.stringify({ points, hardware: { cpu: cpus()[0]?.model, cores } })}\n`);
}

async function rates(shape: typeof usual): Promise<{ ours: number; peer: number }> {
  const sides = [await startOurs(shape, path!), await startPeer(shape, 'float32')];
  const steps = Math.max(1, Math.round(imagesARound / shape.batch));
  for (const side of sides) await secondsOf(side, 2);
  const measured: number[][] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, side] of sides.entries()) {
      measured[index]!.push((steps * shape.batch) / (await secondsOf(side, steps)));
    }
  }
  await Promise.all(sides.map((side) => side.stop()));
  return { ours: median(measured[0]!), peer: median(measured[1]!) };
}
