/** What a contender is asked: to run a kernel so often, after `warmUps` times, and to say how long each run took. */
export interface Question {
  readonly kernel: Kernel;
  readonly batch: number;
  /** Of the block's input. */
  readonly edge: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly pool: boolean;
  /** Whether the backward pass gives the gradient to the input too. */
  readonly wantsInput: boolean;
  readonly repeats: number;
  /** Some: the first few calls clear the memory that the later ones find, in large pages. */
  readonly warmUps: number;
}

/** A block's two directions. */
export const kernels = ['forward', 'backward'] as const;
export type Kernel = (typeof kernels)[number];

export interface Answer {
  readonly seconds: readonly number[];
}
