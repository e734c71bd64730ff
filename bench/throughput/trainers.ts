import { fileURLToPath } from 'node:url';
import type { Path } from '../../submission/engine/engine.ts';
import { type Contender, jemallocEnvironment, ourEnvironment, start, torchPython } from './peers.ts';

export interface Shape {
  readonly width: number;
  readonly batch: number;
  readonly threads: number;
}

/** Starts our training step as a process that answers "STEPS n" with `{seconds}`. */
export async function startOurs({ width, batch, threads }: Shape, path: Path): Promise<Contender> {
  const words = [String(width), String(batch), String(threads), JSON.stringify(path)];
  const program = fileURLToPath(new URL('ours.js', import.meta.url));
  return start(process.execPath, [program, ...words], await ourEnvironment(threads));
}

/** Starts PyTorch's training step as such a process. */
export async function startPeer(
  { width, batch, threads }: Shape,
  precision: 'bfloat16' | 'float32',
): Promise<Contender> {
  const words = [String(width), String(batch), String(threads), precision];
  const program = fileURLToPath(new URL('../../../bench/throughput/peer.py', import.meta.url));
  return start(await torchPython(), [program, ...words], jemallocEnvironment());
}

/** Returns the seconds of the given number of steps. */
export async function secondsOf(contender: Contender, steps: number): Promise<number> {
  return (await contender.ask<{ seconds: number }>(`STEPS ${steps}`)).seconds;
}
