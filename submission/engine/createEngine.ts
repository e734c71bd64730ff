import type { Engine, Path } from './engine.ts';
import { nativeOps } from './native/addon.ts';
import { createNativeEngine } from './native/nativeEngine.ts';
import { nativePath, variantOf } from './native/variants.ts';
import { createStockEngine } from './stock/stockEngine.ts';

/**
 * Creates the engine of a path.
 *
 * @param threads of the native engine; TensorFlow's own are set when it is loaded
 * @throws Error if the path is native, and this machine has no such native ops or they have another number type
 */
export function createEngine({ engine, bfloat16 }: Path, threads: number): Engine {
  const variant = variantOf(engine);
  if (variant === null) return createStockEngine(bfloat16);
  if (bfloat16 !== nativePath(variant).bfloat16) {
    throw new Error(`${engine} does not compute in ${bfloat16 ? 'bfloat16' : 'float32'}.`);
  }
  return createNativeEngine(nativeOps(variant), threads);
}
