import type { Path } from '../engine.ts';

/**
 * Instruction sets that the native ops are compiled for, one addon each, as in compile.json: the processor that has
 * them, as in process.arch, and whether convolutions multiply in bfloat16. The first is usually the fastest.
 */
const table = {
  avx512bf16: { processor: 'x64', bfloat16: true },
  avx512: { processor: 'x64', bfloat16: false },
  avx2: { processor: 'x64', bfloat16: false },
  neon: { processor: 'arm64', bfloat16: false },
} as const;
export type Variant = keyof typeof table;
export type NativeEngineName = `native-${Variant}`;

export const variants = Object.keys(table) as readonly Variant[];

/** Returns the variants that set-up builds for a processor. @param processor as in process.arch */
export const variantsOf = (processor: string): readonly Variant[] =>
  variants.filter((variant) => table[variant].processor === processor);

export const nativeEngineName = (variant: Variant): NativeEngineName => `native-${variant}`;

/** Returns the path of training with a variant. */
export const nativePath = (variant: Variant): Path => ({
  engine: nativeEngineName(variant),
  bfloat16: table[variant].bfloat16,
});

/** Returns the variant of a native engine by its name; null for any other name. */
export const variantOf = (engine: string): Variant | null =>
  variants.find((variant) => nativeEngineName(variant) === engine) ?? null;
