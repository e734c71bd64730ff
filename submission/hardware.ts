import type { EngineName, Path } from './engine/engine.ts';
import { cpuFlags, nativeOps } from './engine/native/addon.ts';
import { backend } from './engine/ops.ts';
import type { Settings } from './settings.ts';

interface Machine {
  /** Whether it computes in bfloat16: a GPU, or a CPU with instructions for it. Other CPUs emulate it. */
  readonly bfloat16: boolean;
  /** Whether it can run the native ops. */
  readonly native: boolean;
}

const thisMachine = (): Machine => ({
  bfloat16:
    backend.isUsingGpuDevice || cpuFlags().some((flag) => flag === 'amx_bf16' || flag === 'avx512_bf16'),
  native: nativeOps() !== null,
});

/**
 * Returns the paths allowed by the settings. There are two only on a CPU that computes in bfloat16: TensorFlow's ops in
 * bfloat16, and the native ops in float32 with a quarter of the multiplications. The faster one must be measured.
 *
 * @throws Error with the valid values or combination
 */
export function pathsFor(
  { engine, precision }: Pick<Settings, 'engine' | 'precision'>,
  machine = thisMachine(),
): readonly Path[] {
  if (precision !== 'auto' && precision !== 'bfloat16' && precision !== 'float32') {
    throw new Error(`precision="${precision}": must be bfloat16, float32 or auto.`);
  }
  if (engine !== 'auto' && engine !== 'native' && engine !== 'stock') {
    throw new Error(`engine="${engine}": must be native, stock or auto.`);
  }
  if (engine === 'native' && precision === 'bfloat16') {
    throw new Error('engine=native computes only in float32. Set precision=float32 too.');
  }
  const ofFloat32: EngineName = machine.native ? 'native' : 'stock';
  const float32: Path = { engine: engine === 'auto' ? ofFloat32 : engine, bfloat16: false };
  const bfloat16: Path = { engine: 'stock', bfloat16: true };
  if (precision === 'bfloat16') return [bfloat16];
  if (precision === 'float32' || engine === 'native' || !machine.bfloat16) return [float32];
  return float32.engine === 'native' ? [float32, bfloat16] : [bfloat16];
}

/**
 * Returns the path that predicts with a model as in training. TensorFlow's ops replace the native ops if this machine
 * has none.
 *
 * @param trained the path that the model was trained with
 */
export function pathToPredict({ engine, bfloat16 }: Path, machine = thisMachine()): Path {
  return engine === 'native' && !machine.native ? { engine: 'stock', bfloat16 } : { engine, bfloat16 };
}
