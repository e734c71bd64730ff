import { createInterface } from 'node:readline';
import type { BlockForward, BlockShape } from '../../submission/engine/block.ts';
import { conv, convFilterGradient, convInputGradient } from '../../submission/engine/convolution.ts';
import { chooseEngine, type Engine } from '../../submission/engine/engine.ts';
import * as native from '../../submission/engine/native/normalise.ts';
import { free, type Raw, rawOf } from '../../submission/engine/ops.ts';
import * as stock from '../../submission/engine/stock/normalise.ts';
import { type Tensor, tf } from '../../submission/engine/tensorflow.ts';
import type { Answer, Question } from './question.ts';

/** Our side of the benchmark of kernels, a process of its own. Arguments: engine, threads. */
const engine = chooseEngine(process.argv[2] as Engine, Number(process.argv[3]));
const { normalise, normaliseGradient } = engine === 'native' ? native : stock;

const made: Tensor[] = [];
function normal(...shape: number[]): Raw {
  const tensor = tf.keep(tf.randomNormal(shape)) as Tensor;
  made.push(tensor);
  return rawOf(tensor);
}

/** A function that runs the kernel once, and gives what is to be freed; what it holds goes to `held`. */
function prepare({ kernel, batch, edge, inputs, outputs, pool }: Question, held: Raw[]): () => Raw[] {
  const convolved = normal(batch, edge, edge, outputs);
  if (kernel.startsWith('tail')) {
    const shape: BlockShape = { pool, alpha: 0.3, bfloat16: false };
    const offset = normal(outputs);
    const all = ({ output, mean, variance, saved }: BlockForward) => [output, mean, variance, ...saved];
    if (kernel === 'tail forward') {
      return () => all(normalise(convolved, offset, shape)).filter((each) => each.id !== convolved.id);
    }
    const forward = normalise(convolved, offset, shape);
    held.push(...all(forward).filter((each) => each.id !== convolved.id));
    const gradient = normal(...forward.output.shape);
    return () => {
      const { input, offset } = normaliseGradient(gradient, forward, shape);
      return [input, offset];
    };
  }
  const [x, filter] = [normal(batch, edge, edge, inputs), normal(3, 3, inputs, outputs)];
  if (kernel === 'forward') return () => [conv(x, filter)];
  if (kernel === 'input gradient') return () => [convInputGradient(x.shape, filter, convolved)];
  return () => [convFilterGradient(x, filter.shape, convolved)];
}

for await (const line of createInterface({ input: process.stdin })) {
  const question: Question = JSON.parse(line);
  const held: Raw[] = [];
  const run = prepare(question, held);
  const seconds = Array.from({ length: question.repeats + 1 }, () => {
    const started = performance.now();
    const results = run();
    const passed = (performance.now() - started) / 1000;
    free(...results);
    return passed;
  });
  free(...held);
  tf.dispose(made.splice(0));
  process.stdout.write(`${JSON.stringify({ seconds: seconds.slice(1) } satisfies Answer)}\n`);
}
