import type { Kernel } from './question.ts';

/** The sides, by the names that plots and tables give them. */
export const sides = ['native', 'TensorFlow', 'PyTorch'] as const;
export type Side = (typeof sides)[number];

/** What was measured of one kernel of one block. */
export interface Result {
  readonly block: string;
  readonly kernel: Kernel;
  /** Milliseconds of one call, median. */
  readonly milliseconds: Record<Side, number>;
  /** Times as fast as the faster of the two others: median over the rounds. */
  readonly ratio: number;
  /** 10^9 operations a second, of the convolution's sums as they are written. */
  readonly gflops: Record<Side, number>;
}
