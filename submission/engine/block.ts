import type { Raw } from './ops.ts';

/** One block: conv3x3 -> maxpool 2x2? -> batchnorm by the batch -> celu / alpha. */
export interface BlockShape {
  readonly pool: boolean;
  /** The bend of the celu. */
  readonly alpha: number;
  /** Type of the convolution's operands and of the activations that leave the block. */
  readonly bfloat16: boolean;
}

/**
 * What the forward pass of a block gives: input [batch, height, width, in], filter float32 [3, 3, in, out]. How
 * activations lie in memory is the engine's: `native` has them in panels (native/block.ts).
 */
export interface BlockForward {
  /** [batch, height / 2?, width / 2?, out] */
  readonly output: Raw;
  /** float32 [out], of what the batch norm takes. */
  readonly mean: Raw;
  /** float32 [out], with Bessel's correction. */
  readonly variance: Raw;
  /** What else the backward pass of the same engine needs. */
  readonly saved: readonly Raw[];
}

/** What the backward pass gives; to the input null where none is wanted: the first block. */
export interface BlockGradients {
  readonly input: Raw | null;
  /** float32 [3, 3, in, out] */
  readonly filter: Raw;
  /** float32 [out] */
  readonly offset: Raw;
}
