import type { Path } from './engine/engine.ts';
import { cpuFlags, nativeVariants } from './engine/native/addon.ts';
import { nativeEngineName, nativePath, type Variant, variantOf, variants } from './engine/native/variants.ts';
import { backend } from './engine/ops.ts';
import type { Settings } from './settings.ts';

interface Machine {
  /**
   * Whether it computes in bfloat16: a GPU, or an x86 CPU with instructions for it. Other CPUs emulate it; whether
   * TensorFlow uses the instructions of arm64 is not known.
   */
  readonly bfloat16: boolean;
  /** The variants of the native ops that it can run: the usually fastest first. */
  readonly native: readonly Variant[];
}

const thisMachine = (): Machine => ({
  bfloat16:
    backend.isUsingGpuDevice || cpuFlags().some((flag) => flag === 'amx_bf16' || flag === 'avx512_bf16'),
  native: nativeVariants(),
});

const engineNames = ['auto', 'native', ...variants.map(nativeEngineName), 'stock'];

/**
 * Returns the paths allowed by the settings. Several must be measured: the variants of the native ops that this CPU can
 * run, and TensorFlow's ops in bfloat16 if the CPU computes in it. `engine=native` is every variant.
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
  if (!engineNames.includes(engine)) {
    throw new Error(
      `engine="${engine}": must be one of ${engineNames.join(', ')}; native is the fastest variant of this machine.`,
    );
  }
  const named = variantOf(engine);
  const isNative = engine === 'native' || named !== null;
  const ofEngine = machine.native.filter((each) => named === null || each === named).map(nativePath);
  if (isNative && ofEngine.length === 0) {
    const found = machine.native.length === 0 ? 'none' : machine.native.map(nativeEngineName).join(', ');
    throw new Error(`engine=${engine}: this machine runs ${found} of the native ops. Set engine=auto.`);
  }
  const native = ofEngine.filter(
    ({ bfloat16 }) => precision === 'auto' || bfloat16 === (precision === 'bfloat16'),
  );
  if (isNative && native.length === 0) {
    throw new Error(
      `engine=${engine} does not compute in ${precision} on this machine. Set precision=auto or engine=auto.`,
    );
  }
  const stock = (bfloat16: boolean): Path => ({ engine: 'stock', bfloat16 });
  if (isNative) return native;
  if (engine === 'stock')
    return [stock(precision === 'bfloat16' || (machine.bfloat16 && precision === 'auto'))];
  if (precision === 'bfloat16' || (precision === 'auto' && machine.bfloat16)) return [...native, stock(true)];
  return native.length > 0 ? native : [stock(false)];
}

/**
 * Returns the path that predicts with a model as in training. Where this machine lacks the model's variant of the
 * native ops, another variant replaces it, else TensorFlow's ops in float32 do: results differ by rounding.
 *
 * @param trained the path that the model was trained with
 */
export function pathToPredict({ engine, bfloat16 }: Path, { native } = thisMachine()): Path {
  if (engine === 'stock') return { engine, bfloat16 };
  const variant = native.find((each) => nativeEngineName(each) === engine) ?? native[0];
  return variant === undefined ? { engine: 'stock', bfloat16: false } : nativePath(variant);
}
