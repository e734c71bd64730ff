// Times two gradients that the stock engine computes differently from TensorFlow's gradient ops, compared with them: of
// the input of a convolution, and of the input of a 2x2 max pool. Alternating in one run, after a warm-up, on the
// shapes of the network; medians of the rounds. `npm run bench:stock-ops`, `-- --json` for one line of JSON at the end.
import { availableParallelism, cpus } from 'node:os';
import { median } from 'simple-statistics';
import { convolutions } from '../submission/model/resnet9.ts';

process.env.TF_NUM_INTRAOP_THREADS = String(availableParallelism());
process.env.TF_NUM_INTEROP_THREADS = '1';
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
const { bool, constant, free, int, rawOf, run, string, type } = await import('../submission/engine/ops.ts');
const { convInputGradient } = await import('../submission/engine/stock/conv.ts');
const { maxPool, maxPoolGradient } = await import('../submission/engine/stock/maxPool.ts');
const { tf } = await import('../submission/engine/tensorflow.ts');
type Raw = ReturnType<typeof run>;

const batch = 64;
const width = 0.375;
const rounds = 15;
const window = [1, 2, 2, 1];

const normal = (shape: number[]): Raw => rawOf(tf.keep(tf.randomNormal(shape)));

/** Returns the milliseconds of one call. Ops run synchronously, so this includes the result. */
function milliseconds(compute: () => Raw): number {
  const started = performance.now();
  const result = compute();
  const passed = performance.now() - started;
  free(result);
  return passed;
}

function compare(name: string, ours: () => Raw, theirs: () => Raw) {
  const times: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  for (let round = -2; round < rounds; round += 1) {
    const pair = { ours: milliseconds(ours), theirs: milliseconds(theirs) };
    if (round < 0) continue; // warm-up
    times.ours.push(pair.ours);
    times.theirs.push(pair.theirs);
  }
  const ratio = median(times.theirs.map((theirs, round) => theirs / times.ours[round]!));
  const result = { name, ours: median(times.ours), tensorflow: median(times.theirs), ratio };
  process.stderr.write(
    `${name.padEnd(48)} ours ${result.ours.toFixed(2)} ms, TensorFlow's ${result.tensorflow.toFixed(2)} ms, ratio ${ratio.toFixed(2)}\n`,
  );
  return result;
}

const results = [];
let edge = 32;
for (const { name, in: inputs, out, pool } of convolutions(width)) {
  const [filter, gradient] = [normal([3, 3, inputs, out]), normal([batch, edge, edge, out])];
  const inputShape = [batch, edge, edge, inputs];
  results.push(
    compare(
      `${name} input gradient [${inputShape}] x ${out}`,
      () => convInputGradient(inputShape, filter, gradient),
      () =>
        run(
          'Conv2DBackpropInput',
          [constant(inputShape, 'int32'), filter, gradient],
          [
            type('T', filter.dtype),
            int('strides', [1, 1, 1, 1]),
            string('padding', 'SAME'),
            string('data_format', 'NHWC'),
            bool('use_cudnn_on_gpu', true),
            int('dilations', [1, 1, 1, 1]),
          ],
        ),
    ),
  );
  if (!pool) continue;
  const output = maxPool(gradient);
  const outputGradient = normal([batch, edge / 2, edge / 2, out]);
  results.push(
    compare(
      `${name} pool gradient [${[batch, edge, edge, out]}]`,
      () => maxPoolGradient(gradient, output, outputGradient),
      () =>
        run(
          'MaxPoolGrad',
          [gradient, output, outputGradient],
          [
            type('T', gradient.dtype),
            int('ksize', window),
            int('strides', window),
            string('padding', 'VALID'),
            string('data_format', 'NHWC'),
          ],
        ),
    ),
  );
  edge /= 2;
}
if (process.argv.includes('--json')) {
  const hardware = { cpu: cpus()[0]?.model, threads: availableParallelism(), batch, width };
  process.stdout.write(`${JSON.stringify({ results, rounds, hardware })}\n`);
}
