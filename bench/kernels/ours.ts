import { createInterface } from 'node:readline';
import type { Passes, TensorRecord } from '../../submission/engine/differentiable.ts';
import { nativeOps } from '../../submission/engine/native/addon.ts';
import { nativePasses } from '../../submission/engine/native/nativeEngine.ts';
import { variantOf } from '../../submission/engine/native/variants.ts';
import { BFLOAT16, cast, rawOf, tensorOf } from '../../submission/engine/ops.ts';
import { stockPasses } from '../../submission/engine/stock/stockEngine.ts';
import { type Tensor, tf } from '../../submission/engine/tensorflow.ts';
import type { Answer, Question } from './question.ts';

/**
 * Our side of the kernel benchmark, in its own process. Arguments: engine, float32 or bfloat16, threads.
 */
const [, , engine = '', precision, threads] = process.argv;
const variant = variantOf(engine);
const bfloat16 = precision === 'bfloat16';
const ops = variant ? nativeOps(variant) : null;
if (ops === null && engine !== 'stock') throw new Error(`This machine cannot run ${engine}.`);
ops?.setThreads(Number(threads));

/** Returns noise in the engine's layout: panels, or images. */
function images(batch: number, edge: number, channels: number): Tensor {
  if (ops !== null && channels % ops.lanes === 0) {
    return tf.randomNormal([batch, channels / ops.lanes, edge, edge, ops.lanes]);
  }
  const noise: Tensor = tf.randomNormal([batch, edge, edge, channels]);
  return isRounded(channels) ? tensorOf(cast(rawOf(noise), BFLOAT16)) : noise;
}

/** Whether activations with this number of channels are bfloat16: TensorFlow's are, and images are not. */
const isRounded = (channels: number) => ops === null && bfloat16 && channels > 3;

/** Times every run of a kernel, in seconds. */
function timed<Saved extends TensorRecord>(passes: Passes<Saved>, question: Question): number[] {
  const { kernel, batch, edge, inputs, outputs, pool, wantsInput } = question;
  const shape = { pool, alpha: 0.3 };
  const [x, filter] = [images(batch, edge, inputs), tf.randomNormal([3, 3, inputs, outputs]) as Tensor];
  const offset = tf.randomNormal([outputs]) as Tensor;
  const forward = () => passes.convBlock(x, filter, offset, shape);
  const { output, saved } = forward();
  const noise: Tensor = tf.randomNormal(output.shape);
  const gradient = isRounded(outputs) ? tensorOf(cast(rawOf(noise), BFLOAT16)) : noise;
  const backward = () => passes.convBlockGradient(gradient, saved, shape, wantsInput);
  const run = kernel === 'forward' ? forward : backward;
  return Array.from({ length: question.warmUps + question.repeats }, () => {
    let seconds = 0;
    tf.tidy(() => {
      const started = performance.now();
      run();
      seconds = (performance.now() - started) / 1000;
    });
    return seconds;
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const question: Question = JSON.parse(line);
  const all = tf.tidy(() =>
    ops === null ? timed(stockPasses(bfloat16), question) : timed(nativePasses(ops), question),
  );
  process.stdout.write(`${JSON.stringify({ seconds: all.slice(question.warmUps) } satisfies Answer)}\n`);
}
