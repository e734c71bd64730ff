import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { type Tensor, tf } from '../engine/tensorflow.ts';

const SIZE = 3;
const CHANNELS = 3;
/** Length of a flattened patch, and the number of filters. */
export const PATCH = SIZE * SIZE * CHANNELS;

/**
 * Computes filters that whiten 3x3 patches: v_i / sqrt(lambda_i + epsilon) for the eigenvectors v_i and eigenvalues
 * lambda_i of the patches' covariance (input patch whitening; David Page, "How to train your ResNet 8: bag of tricks").
 *
 * @param images float32 [count, height, width, 3], normalised, flat
 * @param epsilon limits noise amplification in nearly constant directions
 * @returns float32 [3, 3, 3, 27] flat: height, width, channel, filter
 */
export function whiteningFilters(
  images: Float32Array,
  height: number,
  width: number,
  epsilon: number,
): Float32Array {
  const { vectors, values } = eigenvectors(patchCovariance(images, height, width));
  const filters = new Float32Array(PATCH * PATCH);
  for (let filter = 0; filter < PATCH; filter += 1) {
    const gain = 1 / Math.sqrt(Math.max(values[filter]!, 0) + epsilon);
    for (let tap = 0; tap < PATCH; tap += 1) filters[tap * PATCH + filter] = vectors.get(tap, filter) * gain;
  }
  return filters;
}

/** Images whose patches are in memory at once: 12 MB for 32x32 pixels. */
const CHUNK = 500;

/**
 * Returns the second moments, flat [27, 27], of 3x3 patches inside the images: every second one in each direction, because
 * neighbours are nearly equal.
 *
 * @param images float32 [count, height, width, 3], flat
 */
export function patchCovariance(images: Float32Array, height: number, width: number): Float32Array {
  const imageSize = height * width * CHANNELS;
  const count = images.length / imageSize;
  return tf.tidy(() => {
    const identity = tf.reshape(tf.eye(PATCH), [SIZE, SIZE, CHANNELS, PATCH]);
    const momentsOf = (first: number): Tensor => {
      const some = images.subarray(first * imageSize, (first + CHUNK) * imageSize);
      const shaped = tf.tensor(some, [some.length / imageSize, height, width, CHANNELS]);
      const patches = tf.reshape(tf.conv2d(shaped as never, identity as never, 2, 'valid'), [-1, PATCH]);
      // The mean of a chunk, weighted by its share of the images.
      const share = some.length / images.length;
      return tf.mul(tf.matMul(patches as never, patches as never, true), share / patches.shape[0]!) as Tensor;
    };
    const chunks = Array.from({ length: Math.ceil(count / CHUNK) }, (_, index) => index * CHUNK);
    return tf.addN(chunks.map((first) => tf.tidy(() => momentsOf(first)))).dataSync() as Float32Array;
  });
}

function eigenvectors(covariance: Float32Array): { vectors: Matrix; values: number[] } {
  const matrix = Matrix.from1DArray(PATCH, PATCH, Array.from(covariance));
  const decomposition = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  return { vectors: decomposition.eigenvectorMatrix, values: decomposition.realEigenvalues };
}
