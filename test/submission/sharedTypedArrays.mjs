import { TestEnvironment } from 'jest-environment-node';

/**
 * Makes jest use Node's typed arrays. Jest gives tests typed arrays of their own, and those from TensorFlow's binding
 * are Node's; `encodeWeights` tests them with `instanceof`. Outside of jest there is only one kind.
 */
export default class SharedTypedArrays extends TestEnvironment {
  constructor(...words) {
    super(...words);
    Object.assign(this.global, { Float32Array, Int32Array, Uint8Array, ArrayBuffer });
  }
}
