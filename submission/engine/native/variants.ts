/** Instruction sets that the native ops are compiled for, one addon each (compile.json): widest vectors first. */
export const variants = ['avx512', 'avx2'] as const;
export type Variant = (typeof variants)[number];
export type NativeEngineName = `native-${Variant}`;

export const nativeEngineName = (variant: Variant): NativeEngineName => `native-${variant}`;

/** Returns the variant of a native engine by its name; null for any other name. */
export const variantOf = (engine: string): Variant | null =>
  variants.find((variant) => nativeEngineName(variant) === engine) ?? null;
