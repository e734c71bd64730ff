import type { NativeEngineName } from './native/variants.ts';
import type { Tensor } from './tensorflow.ts';

export type EngineName = NativeEngineName | 'stock';

/** Engine and number type for training. */
export interface Path {
  readonly engine: EngineName;
  /**
   * Whether convolutions multiply in bfloat16; else in float32. TensorFlow's ops then also keep the activations between
   * blocks in bfloat16. A native variant has one or the other.
   */
  readonly bfloat16: boolean;
}

/**
 * Computes the expensive parts of a training step. The model, the optimizer and the average receive an engine and do
 * not know which one it is.
 *
 * The memory layout of activations between blocks belongs to the engine: only `convBlock`, `residual` and
 * `globalMaxPool` may use them. The shapes below are logical shapes. `convBlock`, `globalMaxPool`, `residual` and
 * `softmaxCrossEntropy` are differentiable by the gradient tape of TensorFlow.js.
 */
export interface Engine {
  readonly path: Path;

  /**
   * Computes conv3x3 -> maxpool 2x2? -> batch norm with batch statistics -> celu / alpha.
   *
   * @param x [batch, height, width, in]: images (NHWC), or the output of a block
   * @param filter float32 [3, 3, in, out]; the native engine needs `out`, and `in` except for images, to be multiples
   * of its lanes
   * @param offset float32 [out], added after normalisation
   * @param onStatistics receives the statistics of the batch, and must dispose of them
   * @returns [batch, height / 2?, width / 2?, out]
   * @throws Error if the shapes do not match, or a pooled edge is odd
   */
  convBlock(
    x: Tensor,
    filter: Tensor,
    offset: Tensor,
    options: ConvBlockOptions,
    onStatistics: ((statistics: BatchStatistics) => void) | null,
  ): Tensor;

  /** Computes the same block with given statistics and without a gradient, for prediction. */
  convBlockWith(
    x: Tensor,
    filter: Tensor,
    offset: Tensor,
    statistics: BatchStatistics,
    shape: BlockShape,
  ): Tensor;

  /**
   * Computes the maximum over height and width. @returns float32 [batch, channels] of [batch, height, width, channels]
   */
  globalMaxPool(x: Tensor): Tensor;

  /** Returns x + branch, both of one shape and type. */
  residual(x: Tensor, branch: Tensor): Tensor;

  /**
   * Computes the mean cross-entropy of softmax(logits) against soft targets, in nats.
   *
   * @param logits float32 [batch, classes]
   * @param targets float32 [batch, classes], rows summing to 1
   * @returns float32 []
   */
  softmaxCrossEntropy(logits: Tensor, targets: Tensor): Tensor;

  /**
   * Makes one step of SGD with Nesterov's momentum in PyTorch's form for every weight tensor (Sutskever et al. 2013):
   * d = gradient + decay weight;  v' = momentum v + d;  weight' = weight - rate (d + momentum v').
   *
   * @returns new tensors; the caller keeps those of the updates
   * @throws Error if the tensors of an update differ in shape
   */
  sgdStep(updates: readonly Update[], options: UpdateOptions): Updated;

  /**
   * Makes one step of Muon (Keller Jordan, https://kellerjordan.github.io/posts/muon) for every filter: the update of
   * Nesterov's momentum, as a matrix of inputs by outputs, is orthogonalised by Newton-Schulz iteration (see
   * `orthogonalised`) and subtracted `rate` times. Before it, the filter is multiplied by 1 - rate decay; with decay 0
   * it is scaled to the norm of an orthogonal one, the square root of its outputs (airbench94_muon).
   *
   * @param updates of two axes or more
   * @returns new tensors; the caller keeps those of the updates
   * @throws Error if the tensors of an update differ in shape
   */
  muonStep(updates: readonly Update[], options: MuonOptions): Updated;

  /**
   * Returns the weights of all output channels of mirror-equivariant layers (model/mirror.ts): the stored first half,
   * and behind it on the last axis its mirror image. A vector is its own mirror image. The gradient tape does not
   * know of it: use `mirrorGradient`.
   *
   * @param stored one or more, float32, filters [height, width, in, out / 2] or vectors [out / 2]
   * @param swapsInputs whether the inputs of filters have two halves, which change places in the mirror image
   * @returns new tensors, float32, filters [height, width, in, out] or vectors [out]
   * @throws Error if a tensor has another number of axes, or the inputs of a filter have no halves
   */
  mirror(stored: readonly Tensor[], swapsInputs: boolean): readonly Tensor[];

  /**
   * Returns the gradients of stored weights from those of `mirror`'s results: the sums of both occurrences.
   *
   * @param gradients shapes as the results of `mirror`
   * @returns new tensors, shapes as the arguments of `mirror`
   * @throws Error as `mirror`, or if the outputs have no halves
   */
  mirrorGradient(gradients: readonly Tensor[], swapsInputs: boolean): readonly Tensor[];

  /**
   * Computes decay average + (1 - decay) latest, tensor by tensor.
   *
   * @param averages float32 of any shapes
   * @param latest as many, of the same shapes
   * @returns new tensors; the caller keeps the given ones
   */
  average(averages: readonly Tensor[], latest: readonly Tensor[], decay: number): readonly Tensor[];
}

export interface BlockShape {
  readonly pool: boolean;
  /** alpha of celu. */
  readonly alpha: number;
}

export interface ConvBlockOptions extends BlockShape {
  /** False if the input is data: saves a convolution. */
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

/** Update of one weight tensor; all tensors have the same shape, float32 [..., units]. */
export interface Update {
  readonly weight: Tensor;
  readonly velocity: Tensor;
  readonly gradient: Tensor;
  readonly rate: number;
  readonly decay: number;
}

export interface UpdateOptions {
  readonly momentum: number;
  /** Whether each unit's mean gradient is subtracted first (Yong et al. 2020); tensors of one axis are not changed. */
  readonly gradientCentralization: boolean;
}

export interface MuonOptions extends UpdateOptions {
  /** Of the orthogonalisation, 1 or more. */
  readonly iterations: number;
}

/** New weights and velocities, in the order of the updates. */
export interface Updated {
  readonly weights: readonly Tensor[];
  readonly velocities: readonly Tensor[];
}
