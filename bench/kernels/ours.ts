import { createInterface } from 'node:readline';
import type { BlockForward, BlockShape } from '../../submission/engine/block.ts';
import { chooseEngine, type Engine } from '../../submission/engine/engine.ts';
import * as native from '../../submission/engine/native/block.ts';
import { free, type Raw, rawOf } from '../../submission/engine/ops.ts';
import * as stock from '../../submission/engine/stock/block.ts';
import { type Tensor, tf } from '../../submission/engine/tensorflow.ts';
import type { Answer, Question } from './question.ts';

/** Our side of the benchmark of kernels, a process of its own. Arguments: engine, threads. */
const engine = chooseEngine(process.argv[2] as Engine, Number(process.argv[3]));
const { convBlock, convBlockGradient } = engine === 'native' ? native : stock;

const made: Tensor[] = [];
function normal(...shape: number[]): Raw {
  const tensor = tf.keep(tf.randomNormal(shape)) as Tensor;
  made.push(tensor);
  return rawOf(tensor);
}

/** Noise as the engine takes it: in panels of eight channels, or as pictures. */
const images = (batch: number, edge: number, channels: number): Raw =>
  engine === 'native' && channels % 8 === 0
    ? normal(batch, channels / 8, edge, edge, 8)
    : normal(batch, edge, edge, channels);

/** A function that runs the kernel once, and gives what is to be freed; what it holds goes to `held`. */
function prepare(question: Question, held: Raw[]): () => Raw[] {
  const { kernel, batch, edge, inputs, outputs, pool, wantsInput } = question;
  const shape: BlockShape = { pool, alpha: 0.3, bfloat16: false };
  const [x, filter, offset] = [images(batch, edge, inputs), normal(3, 3, inputs, outputs), normal(outputs)];
  const all = ({ output, mean, variance, saved }: BlockForward) => [output, mean, variance, ...saved];
  if (kernel === 'forward') return () => all(convBlock(x, filter, offset, shape));
  const forward = convBlock(x, filter, offset, shape);
  held.push(...all(forward));
  const gradient = normal(...forward.output.shape);
  return () => {
    const gradients = convBlockGradient(gradient, x, filter, forward, shape, wantsInput);
    return [gradients.filter, gradients.offset, ...(gradients.input === null ? [] : [gradients.input])];
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const question: Question = JSON.parse(line);
  const held: Raw[] = [];
  const run = prepare(question, held);
  const seconds = Array.from({ length: question.warmUps + question.repeats }, () => {
    const started = performance.now();
    const results = run();
    const passed = (performance.now() - started) / 1000;
    free(...results);
    return passed;
  });
  free(...held);
  tf.dispose(made.splice(0));
  process.stdout.write(`${JSON.stringify({ seconds: seconds.slice(question.warmUps) } satisfies Answer)}\n`);
}
