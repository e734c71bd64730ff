import { createInterface } from 'node:readline';
import type { Passes, TensorRecord } from '../../submission/engine/differentiable.ts';
import { nativeOps, nativeVariants } from '../../submission/engine/native/addon.ts';
import { nativePasses } from '../../submission/engine/native/nativeEngine.ts';
import { variantOf } from '../../submission/engine/native/variants.ts';
import { stockPasses } from '../../submission/engine/stock/stockEngine.ts';
import { type Tensor, tf } from '../../submission/engine/tensorflow.ts';
import type { Answer, Question } from './question.ts';

/**
 * Our side of the kernel benchmark, in its own process. Arguments: engine, threads. The engine `native` is the variant
 * with the widest vectors.
 */
const [, , engine = '', threads] = process.argv;
const variant = engine === 'native' ? nativeVariants()[0] : variantOf(engine);
const ops = variant ? nativeOps(variant) : null;
if (ops === null && engine !== 'stock') throw new Error(`This machine cannot run ${engine}.`);
ops?.setThreads(Number(threads));

/** Returns noise in the engine's layout: panels, or images. */
const images = (batch: number, edge: number, channels: number): Tensor =>
  ops !== null && channels % ops.lanes === 0
    ? tf.randomNormal([batch, channels / ops.lanes, edge, edge, ops.lanes])
    : tf.randomNormal([batch, edge, edge, channels]);

/** Times every run of a kernel, in seconds. */
function timed<Saved extends TensorRecord>(passes: Passes<Saved>, question: Question): number[] {
  const { kernel, batch, edge, inputs, outputs, pool, wantsInput } = question;
  const shape = { pool, alpha: 0.3 };
  const [x, filter] = [images(batch, edge, inputs), tf.randomNormal([3, 3, inputs, outputs]) as Tensor];
  const offset = tf.randomNormal([outputs]) as Tensor;
  const forward = () => passes.convBlock(x, filter, offset, shape);
  const { output, saved } = forward();
  const gradient = tf.randomNormal(output.shape) as Tensor;
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
    ops === null ? timed(stockPasses(false), question) : timed(nativePasses(ops), question),
  );
  process.stdout.write(`${JSON.stringify({ seconds: all.slice(question.warmUps) } satisfies Answer)}\n`);
}
