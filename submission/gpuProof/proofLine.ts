/** A line that computeBlocks.ts prints. */
export type ProofLine =
  | { readonly device: 'cpu' | 'gpu'; readonly version: string }
  /** The block that is computed next. */
  | { readonly starts: string }
  /** A result; `floats` is little-endian float32 in base64. */
  | { readonly result: string; readonly floats: string }
  | { readonly done: true };
