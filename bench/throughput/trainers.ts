import { fileURLToPath } from 'node:url';
import { type Contender, jemallocEnvironment, ourEnvironment, start, torchPython } from './peers.ts';

export interface Training {
  readonly width: number;
  readonly batch: number;
  readonly precision: 'bfloat16' | 'float32';
  /** Engine of our blocks: native, stock or auto. */
  readonly engine: string;
  readonly threads: number;
}

/** Starts our training step and PyTorch's as processes that answer "STEPS n" with `{seconds}`. */
export async function startTrainers(training: Training): Promise<{ ours: Contender; peer: Contender }> {
  const { width, batch, precision, engine, threads } = training;
  const ours = start(
    process.execPath,
    [
      fileURLToPath(new URL('ours.js', import.meta.url)),
      ...[String(width), String(batch), precision, engine, String(threads)],
    ],
    await ourEnvironment(threads),
  );
  const peer = start(
    await torchPython(),
    [
      fileURLToPath(new URL('../../../bench/throughput/peer.py', import.meta.url)),
      ...[String(width), String(batch), String(threads), precision],
    ],
    jemallocEnvironment(),
  );
  return { ours, peer };
}

/** Returns the seconds of the given number of steps. */
export async function secondsOf(contender: Contender, steps: number): Promise<number> {
  return (await contender.ask<{ seconds: number }>(`STEPS ${steps}`)).seconds;
}
