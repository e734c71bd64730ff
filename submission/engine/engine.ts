import { nativeOps } from './native/addon.ts';

/** Who computes what takes long: our own ops where they can, or TensorFlow's alone. */
export type Engine = 'native' | 'stock';

let engine: Engine = 'stock';

/**
 * Chooses who computes from now on. Our own ops are for float32 on CPUs: bfloat16 is TensorFlow's.
 *
 * @param wanted `auto` takes our own where this machine has them
 * @param threads that our own compute with
 * @returns who it is
 * @throws Error where `native` is wanted and cannot be had
 */
export function chooseEngine(wanted: Engine | 'auto', threads: number): Engine {
  const ops = wanted === 'stock' ? null : nativeOps();
  if (ops === null && wanted === 'native')
    throw new Error('This machine has no native ops: use engine=auto.');
  ops?.setThreads(threads);
  engine = ops === null ? 'stock' : 'native';
  return engine;
}

/** Whether our own ops are chosen. */
export const isNative = (): boolean => engine === 'native';
