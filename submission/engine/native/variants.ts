/**
 * Instruction sets that the native ops are compiled for, one addon each, and the processor that has them, as in
 * process.arch (both as in compile.json): widest vectors first.
 */
const processors = { avx512: 'x64', avx2: 'x64', neon: 'arm64' } as const;
export type Variant = keyof typeof processors;
export type NativeEngineName = `native-${Variant}`;

export const variants = Object.keys(processors) as readonly Variant[];

/** Returns the variants that set-up builds for a processor. @param processor as in process.arch */
export const variantsOf = (processor: string): readonly Variant[] =>
  variants.filter((variant) => processors[variant] === processor);

export const nativeEngineName = (variant: Variant): NativeEngineName => `native-${variant}`;

/** Returns the variant of a native engine by its name; null for any other name. */
export const variantOf = (engine: string): Variant | null =>
  variants.find((variant) => nativeEngineName(variant) === engine) ?? null;
