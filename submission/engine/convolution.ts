import { isNative } from './engine.ts';
import * as native from './native/conv.ts';
import { FLOAT32, type Raw } from './ops.ts';
import * as stock from './stock/conv.ts';

/** Whether our own ops compute a convolution of this type to so many channels. */
export function computesNatively(dtype: number, out: number | undefined): boolean {
  return isNative() && dtype === FLOAT32 && out !== undefined && out % 8 === 0;
}

const convolutionsFor = (dtype: number, out: number | undefined): typeof stock =>
  computesNatively(dtype, out) ? native : stock;

/** @returns [batch, height, width, out] of input [batch, height, width, in] and filter [3, 3, in, out] */
export function conv(input: Raw, filter: Raw): Raw {
  return convolutionsFor(filter.dtype, filter.shape[3]).conv(input, filter);
}

/** Gradient to the input. @returns [batch, height, width, in] */
export function convInputGradient(inputShape: readonly number[], filter: Raw, outputGradient: Raw): Raw {
  const { convInputGradient } =
    inputShape[3]! % 8 === 0 ? convolutionsFor(filter.dtype, filter.shape[3]) : stock;
  return convInputGradient(inputShape, filter, outputGradient);
}

/** @returns gradient to the filter, [3, 3, in, out] */
export function convFilterGradient(input: Raw, filterShape: readonly number[], outputGradient: Raw): Raw {
  const { convFilterGradient } = convolutionsFor(input.dtype, filterShape[3]);
  return convFilterGradient(input, filterShape, outputGradient);
}
