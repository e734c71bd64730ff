import type { Kernel } from './question.ts';

/** The sides, by their names in plots and tables. */
export const sides = ['native', 'TensorFlow', 'PyTorch'] as const;
export type Side = (typeof sides)[number];

/** Measurement of one kernel of one block. */
export interface Result {
  readonly block: string;
  readonly kernel: Kernel;
  /** Milliseconds of one call, median. */
  readonly milliseconds: Record<Side, number>;
  /** Speed relative to the faster peer: median over the rounds. */
  readonly ratio: number;
  /** 10^9 operations per second, counted as direct convolution. */
  readonly gflops: Record<Side, number>;
}
