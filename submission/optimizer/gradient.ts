import type { Tensor } from '../engine/tensorflow.ts';
import type { Weights } from '../model/resnet9.ts';

/** A batch on the device. */
export interface Batch {
  /** float32 [batch, 32, 32, 3], normalised */
  readonly images: Tensor;
  /** float32 [batch, classes], rows summing to 1 */
  readonly targets: Tensor;
}

/** Result of a forward and backward pass. The caller disposes of the tensors. */
export interface Evaluation {
  /** float32 [] */
  readonly loss: Tensor;
  /** float32 [batch, classes] */
  readonly logits: Tensor;
  /** One for each weight, by its name. */
  readonly gradients: Weights;
}

/**
 * Computes loss and gradients at `weights`. An optimizer that needs a second gradient calls it again. Batch norm
 * statistics are recorded only with `recordsStatistics`, not at trial weights.
 */
export type Evaluate = (weights: Weights, batch: Batch, recordsStatistics: boolean) => Evaluation;

/** Combines the tensors of each name in `left` and `right`. */
export function combine(
  left: Weights,
  right: Weights,
  operation: (left: Tensor, right: Tensor) => Tensor,
): Weights {
  return Object.fromEntries(
    Object.entries(left).map(([name, tensor]) => [name, operation(tensor, right[name]!)]),
  );
}
