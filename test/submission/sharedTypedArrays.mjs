import { TestEnvironment } from 'jest-environment-node';

/**
 * Jest gives tests typed arrays of their own; those that TensorFlow's binding returns are Node's, and
 * `encodeWeights` tells them apart by `instanceof`. Outside of Jest there is one kind, as in here.
 */
export default class SharedTypedArrays extends TestEnvironment {
  constructor(...words) {
    super(...words);
    Object.assign(this.global, { Float32Array, Int32Array, Uint8Array, ArrayBuffer });
  }
}
