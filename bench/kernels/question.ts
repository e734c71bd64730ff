/** What a contender is asked: to run a kernel so often, after once to warm up, and to say how long each run took. */
export interface Question {
  readonly kernel: Kernel;
  readonly batch: number;
  /** Of the kernel's input. */
  readonly edge: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly pool: boolean;
  readonly repeats: number;
}

/** The three products of a convolution, and what follows one in a block, forward and backward. */
export const kernels = [
  'forward',
  'input gradient',
  'filter gradient',
  'tail forward',
  'tail backward',
] as const;
export type Kernel = (typeof kernels)[number];

export interface Answer {
  readonly seconds: readonly number[];
}
