import { createInterface } from 'node:readline';
import { createEngine } from '../../submission/engine/createEngine.ts';
import type { Passes, TensorRecord } from '../../submission/engine/differentiable.ts';
import type { EngineName } from '../../submission/engine/engine.ts';
import { nativePasses } from '../../submission/engine/native/nativeEngine.ts';
import { stockPasses } from '../../submission/engine/stock/stockEngine.ts';
import { type Tensor, tf } from '../../submission/engine/tensorflow.ts';
import type { Answer, Question } from './question.ts';

/** Our side of the kernel benchmark, in its own process. Arguments: engine, threads. */
const engine = process.argv[2] as EngineName;
createEngine({ engine, bfloat16: false }, Number(process.argv[3])); // sets the threads

/** Returns noise in the engine's layout: panels of eight channels, or images. */
const images = (batch: number, edge: number, channels: number): Tensor =>
  engine === 'native' && channels % 8 === 0
    ? tf.randomNormal([batch, channels / 8, edge, edge, 8])
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
    engine === 'native' ? timed(nativePasses, question) : timed(stockPasses(false), question),
  );
  process.stdout.write(`${JSON.stringify({ seconds: all.slice(question.warmUps) } satisfies Answer)}\n`);
}
