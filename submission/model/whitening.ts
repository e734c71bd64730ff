import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

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

/** Returns the second moments, flat [27, 27], of 3x3 patches inside the images. */
export function patchCovariance(images: Float32Array, height: number, width: number): Float64Array {
  const imageSize = height * width * CHANNELS;
  const count = images.length / imageSize;
  const covariance = new Float64Array(PATCH * PATCH);
  const patch = new Float64Array(PATCH);
  // Every second position, because neighbouring patches are nearly equal.
  let patches = 0;
  for (let image = 0; image < count; image += 1) {
    for (let top = image % 2; top + SIZE <= height; top += 2) {
      for (let left = 0; left + SIZE <= width; left += 2) {
        for (let row = 0; row < SIZE; row += 1) {
          const start = image * imageSize + ((top + row) * width + left) * CHANNELS;
          for (let tap = 0; tap < SIZE * CHANNELS; tap += 1)
            patch[row * SIZE * CHANNELS + tap] = images[start + tap]!;
        }
        for (let a = 0; a < PATCH; a += 1) {
          for (let b = a; b < PATCH; b += 1) covariance[a * PATCH + b]! += patch[a]! * patch[b]!;
        }
        patches += 1;
      }
    }
  }
  for (let a = 0; a < PATCH; a += 1) {
    for (let b = a; b < PATCH; b += 1) {
      const moment = covariance[a * PATCH + b]! / patches;
      covariance[a * PATCH + b] = moment;
      covariance[b * PATCH + a] = moment;
    }
  }
  return covariance;
}

function eigenvectors(covariance: Float64Array): { vectors: Matrix; values: number[] } {
  const matrix = Matrix.from1DArray(PATCH, PATCH, Array.from(covariance));
  const decomposition = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  return { vectors: decomposition.eigenvectorMatrix, values: decomposition.realEigenvalues };
}
