import type { Tensor } from './tensorflow.ts';

export type EngineName = 'native' | 'stock';

/** A way to compute: which engine, and in which number type. Our own ops compute in float32. */
export interface Path {
  readonly engine: EngineName;
  /** Type of a convolution's operands and of the activations between blocks: bfloat16, or else float32. */
  readonly bfloat16: boolean;
}

/**
 * Computes everything of a training step that takes long. A model, an optimizer and an average are given one and do not
 * know which it is.
 *
 * The memory layout of activations between blocks is the engine's own. No other op but `convBlock`, `residual` and
 * `globalMaxPool` may touch them. The shapes below are what they stand for. `convBlock`, `globalMaxPool`, `residual` and
 * `softmaxCrossEntropy` can be differentiated by the gradient tape of TensorFlow.js.
 */
export interface Engine {
  readonly path: Path;

  /**
   * conv3x3 -> maxpool 2x2? -> batch norm by the batch -> celu / alpha.
   *
   * @param x [batch, height, width, in]: pictures in that order, or the output of a block
   * @param filter float32 [3, 3, in, out]; the native engine takes multiples of 8 for `out`, and for `in` after the stem
   * @param offset float32 [out], added after normalisation
   * @param onStatistics receives the statistics of the batch, and disposes of them
   * @returns [batch, height / 2?, width / 2?, out]
   * @throws Error when the shapes do not fit each other, or when an edge to pool is odd
   */
  convBlock(
    x: Tensor,
    filter: Tensor,
    offset: Tensor,
    options: ConvBlockOptions,
    onStatistics: ((statistics: BatchStatistics) => void) | null,
  ): Tensor;

  /** The same block by given statistics, without a gradient: for predictions. */
  convBlockWith(
    x: Tensor,
    filter: Tensor,
    offset: Tensor,
    statistics: BatchStatistics,
    shape: BlockShape,
  ): Tensor;

  /** Maximum over height and width. @returns float32 [batch, channels] of [batch, height, width, channels] */
  globalMaxPool(x: Tensor): Tensor;

  /** x + branch, both of one shape and type. */
  residual(x: Tensor, branch: Tensor): Tensor;

  /**
   * Mean cross-entropy of softmax(logits) against soft targets, in nats.
   *
   * @param logits float32 [batch, classes]
   * @param targets float32 [batch, classes], rows summing to 1
   * @returns float32 []
   */
  softmaxCrossEntropy(logits: Tensor, targets: Tensor): Tensor;

  /**
   * One step of SGD with Nesterov's momentum in PyTorch's form for every tensor of weights (Sutskever et al. 2013):
   * d = gradient + decay weight;  v' = momentum v + d;  weight' = weight - rate (d + momentum v').
   *
   * @returns new tensors; those of the updates stay the caller's
   * @throws Error when the tensors of an update differ in shape
   */
  sgdStep(updates: readonly Update[], options: UpdateOptions): Updated;

  /**
   * decay average + (1 - decay) latest, tensor by tensor.
   *
   * @param averages float32 of any shapes
   * @param latest as many, of the same shapes
   * @returns new tensors; those given stay the caller's
   */
  average(averages: readonly Tensor[], latest: readonly Tensor[], decay: number): readonly Tensor[];
}

export interface BlockShape {
  readonly pool: boolean;
  /** The bend of the celu. */
  readonly alpha: number;
}

export interface ConvBlockOptions extends BlockShape {
  /** False where the input is data: saves a convolution. */
  readonly wantsInputGradient: boolean;
}

/** Statistics of one batch norm over one batch. */
export interface BatchStatistics {
  /** float32 [channels], of the input of the batch norm */
  readonly mean: Tensor;
  /** float32 [channels], with Bessel's correction */
  readonly variance: Tensor;
}

/** Added to the variance by every batch norm (Page's value). */
export const EPSILON = 1e-5;

/** One tensor of weights and what it is updated by, all of one shape, float32 [..., units]. */
export interface Update {
  readonly weight: Tensor;
  readonly velocity: Tensor;
  readonly gradient: Tensor;
  readonly rate: number;
  readonly decay: number;
}

export interface UpdateOptions {
  readonly momentum: number;
  /** Whether each unit's mean gradient is subtracted first (Yong et al. 2020); tensors of one axis are left as they are. */
  readonly gradientCentralization: boolean;
}

/** New weights and velocities, in the order of the updates. */
export interface Updated {
  readonly weights: readonly Tensor[];
  readonly velocities: readonly Tensor[];
}
