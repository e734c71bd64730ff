import { availableParallelism, cpus } from 'node:os';
import { Command, Option } from 'commander';
import { median } from 'simple-statistics';
import { type Precision, peerPrecisions } from '../throughput/limits.ts';
import { secondsOf, startOurs, startPeer } from '../throughput/trainers.ts';
import { type Point, plotScaling } from './plots.ts';

/** Values of the varied quantity, from small to large; the others keep their defaults. */
const varied = {
  batch: [16, 32, 64, 128, 256, 512],
  width: [0.25, 0.375, 0.5, 0.75, 1],
  threads: [1, 2, 4, 8, 16, 32].filter((count) => count <= availableParallelism()),
};
type Axis = keyof typeof varied;

/**
 * Measures the cost of a training step by batch size, width of the network and cores, against PyTorch in the faster of
 * its number types, alternating at every point after a warm-up, medians of the rounds.
 */
const { json, rounds, engine, only, plots } = new Command()
  .name('npm run bench:scaling --')
  .option('--json', 'end with one JSON line {points, hardware}')
  .option('--rounds <n>', 'rounds, each timing every side once', Number, 3)
  .option(
    '--engine <name>',
    'variant of our ops, such as native-avx2; native: the first that the CPU can run',
    'native',
  )
  .addOption(new Option('--only <quantity>', 'vary only this').choices(Object.keys(varied)))
  .option('--plots <folder>', 'draw a plot into this folder')
  .parse()
  .opts<{ json?: true; rounds: number; engine: string; only?: Axis; plots?: string }>();

process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
const { pathsFor } = await import('../../submission/hardware.ts');
const { cpuFlags } = await import('../../submission/engine/native/addon.ts');
const [path] = pathsFor({ engine, precision: 'auto' });
const cores = availableParallelism();
const usual = { width: 0.5, batch: 64, threads: cores };
/** Images per side and round: enough for a second or two. */
const imagesARound = 512;

const say = (text: string) => process.stderr.write(`${text}\n`);
const ours = `${path!.engine} in ${path!.bfloat16 ? 'bfloat16' : 'float32'}`;
say(
  `images/s; defaults: width ${usual.width}, batch ${usual.batch}, ${cores} threads; ${ours}, ${cpus()[0]?.model}`,
);
const started = performance.now();
const measured = new Map<string, Rates>();
const points: Point[] = [];
for (const axis of Object.keys(varied) as Axis[]) {
  if (only !== undefined && axis !== only) continue;
  for (const value of varied[axis]) {
    const point = { axis, value, ...(await ratesOnce({ ...usual, [axis]: value })) };
    points.push(point);
    say(
      `${axis.padEnd(8)} ${String(value).padStart(5)}   ours ${point.ours.toFixed(1).padStart(7)}   PyTorch ${point.peer.toFixed(1).padStart(7)} in ${point.precision.padEnd(8)}   ratio ${(point.ours / point.peer).toFixed(2)}`,
    );
  }
}
say(`Took ${((performance.now() - started) / 60_000).toFixed(1)} minutes.`);
if (plots !== undefined) await plotScaling(points, plots);
if (json) {
  process.stdout.write(
    `${JSON.stringify({ points, hardware: { cpu: cpus()[0]?.model, cores, engine: path!.engine } })}\n`,
  );
}

/** Images per second of both sides, and the number type in which PyTorch was faster. */
interface Rates {
  readonly ours: number;
  readonly peer: number;
  readonly precision: Precision;
}

/** The point with all defaults is on every axis. */
async function ratesOnce(shape: typeof usual): Promise<Rates> {
  const key = JSON.stringify(shape);
  const known = measured.get(key) ?? (await rates(shape));
  measured.set(key, known);
  return known;
}

async function rates(shape: typeof usual): Promise<Rates> {
  const precisions = peerPrecisions(cpuFlags());
  const sides = [await startOurs(shape, path!)];
  for (const precision of precisions) sides.push(await startPeer(shape, precision));
  const steps = Math.max(1, Math.round(imagesARound / shape.batch));
  for (const side of sides) await secondsOf(side, 2);
  const perSide: number[][] = sides.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, side] of sides.entries()) {
      perSide[index]!.push((steps * shape.batch) / (await secondsOf(side, steps)));
    }
  }
  await Promise.all(sides.map((side) => side.stop()));
  const [ours, ...peers] = perSide.map(median) as [number, ...number[]];
  const peer = Math.max(...peers);
  return { ours, peer, precision: precisions[peers.indexOf(peer)]! };
}
