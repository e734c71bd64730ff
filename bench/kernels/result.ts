import type { Precision } from '../throughput/limits.ts';
import type { Kernel } from './question.ts';

/** The sides, by their names in plots and tables. */
export const sides = ['native', 'TensorFlow', 'PyTorch'] as const;
export type Side = (typeof sides)[number];

/** Measurement of one kernel of one block. */
export interface Result {
  readonly block: string;
  readonly kernel: Kernel;
  /** Milliseconds of one call, median: of a side that was timed in two number types, in the faster. */
  readonly milliseconds: Record<Side, number>;
  /** The number type of `milliseconds`. */
  readonly precision: Record<Side, Precision>;
  /** Speed relative to the faster peer in the faster number type: median over the rounds. */
  readonly ratio: number;
  /** 10^9 operations per second, counted as direct convolution. */
  readonly gflops: Record<Side, number>;
}
