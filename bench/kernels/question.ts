/** Request to a contender: run a kernel a number of times after `warmUps` runs, and report the duration of each run. */
export interface Question {
  readonly kernel: Kernel;
  readonly batch: number;
  /** Of the block's input. */
  readonly edge: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly pool: boolean;
  /** Whether the backward pass also computes the input gradient. */
  readonly wantsInput: boolean;
  readonly repeats: number;
  /** Several, because the first calls fault in memory in large pages. */
  readonly warmUps: number;
}

/** The two directions of a block. */
export const kernels = ['forward', 'backward'] as const;
export type Kernel = (typeof kernels)[number];

export interface Answer {
  readonly seconds: readonly number[];
}
