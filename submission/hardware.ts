import type { Engine } from './engine/engine.ts';
import { cpuFlags } from './engine/native/addon.ts';
import { backend } from './engine/ops.ts';
import type { Settings } from './settings.ts';

/** Whether this machine computes in bfloat16: a GPU, or a CPU with instructions for it. Elsewhere it is emulated. */
export function computesInBfloat16(): boolean {
  return backend.isUsingGpuDevice || cpuFlags().some((flag) => flag === 'amx_bf16' || flag === 'avx512_bf16');
}

export function usesBfloat16(precision: Settings['precision']): boolean {
  if (precision === 'auto') return computesInBfloat16();
  if (precision === 'bfloat16' || precision === 'float32') return precision === 'bfloat16';
  throw new Error(`The setting precision is "${precision}"; it can be bfloat16, float32 or auto.`);
}

/**
 * The engine to ask for: our own ops do not compute in bfloat16.
 *
 * @throws Error naming what the setting can be, or what it goes with
 */
export function wantedEngine({ engine }: Settings, bfloat16: boolean): Engine | 'auto' {
  if (engine !== 'auto' && engine !== 'native' && engine !== 'stock') {
    throw new Error(`The setting engine is "${engine}"; it can be native, stock or auto.`);
  }
  if (!bfloat16) return engine;
  if (engine === 'native') throw new Error('engine=native computes in float32: set precision=float32 too.');
  return 'stock';
}
