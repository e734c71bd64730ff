// The stock engine: composed of TensorFlow's own ops. It runs on every device, in float32 or bfloat16, and is the
// reference of the tests. Activations are [batch, height, width, channels].
import { differentiable, type Passes } from '../differentiable.ts';
import type { Engine } from '../engine.ts';
import { globalMaxPool, globalMaxPoolGradient, type Layout } from '../globalMaxPool.ts';
import { BFLOAT16, FLOAT32 } from '../ops.ts';
import { type Tensor, tf } from '../tensorflow.ts';
import { convBlock, convBlockGradient, convBlockWith, type StockSaved } from './convBlock.ts';
import { mirrored, mirroredGradient } from './mirror.ts';
import { muonUpdate } from './muonUpdate.ts';
import { sgdUpdate } from './sgdUpdate.ts';

/** @param x [batch, height, width, channels] */
function layoutOf({ shape }: Tensor): Layout {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  return { batch, panels: 1, pixels: height * width, lanes: channels };
}

/**
 * Returns the passes of the stock engine. @param bfloat16 whether convolutions and activations are bfloat16; else
 * float32
 */
export function stockPasses(bfloat16: boolean): Passes<StockSaved> {
  const dtype = bfloat16 ? BFLOAT16 : FLOAT32;
  return {
    path: { engine: 'stock', bfloat16 },

    convBlock: (x, filter, offset, shape) => convBlock(x, filter, offset, shape, dtype),
    convBlockGradient: (outputGradient, saved, shape, wantsInputGradient) =>
      convBlockGradient(outputGradient, saved, shape, wantsInputGradient, dtype),
    convBlockWith: (x, filter, offset, statistics, shape) =>
      convBlockWith(x, filter, offset, statistics, shape, dtype),

    globalMaxPool: (x) => globalMaxPool(x, layoutOf(x)),
    globalMaxPoolGradient: (x, output, outputGradient) =>
      globalMaxPoolGradient(x, output, outputGradient, layoutOf(x)),

    sgdStep(updates, options) {
      const updated = updates.map((update) => tf.tidy(() => sgdUpdate(update, options)));
      return {
        weights: updated.map(([weight]) => weight),
        velocities: updated.map(([, velocity]) => velocity),
      };
    },

    muonStep: muonUpdate,

    mirror: (stored, swapsInputs) => stored.map((each) => mirrored(each, swapsInputs)),
    mirrorGradient: (gradients, swapsInputs) => gradients.map((each) => mirroredGradient(each, swapsInputs)),

    average: (averages, latest, decay) =>
      averages.map((average, index) =>
        tf.tidy(() => tf.add(tf.mul(average, decay), tf.mul(latest[index]!, 1 - decay)) as Tensor),
      ),
  };
}

/** Creates the engine of TensorFlow's ops. Parameters as in `stockPasses`. */
export const createStockEngine = (bfloat16: boolean): Engine => differentiable(stockPasses(bfloat16));
