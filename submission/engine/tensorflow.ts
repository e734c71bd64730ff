import { createRequire } from 'node:module';
import './nodeShim.ts';
import { loadQuietly } from './quietLoad.ts';

/**
 * TensorFlow.js on libtensorflow. Loading it starts TensorFlow with the current environment, so set thread counts
 * before the first import of this module.
 */
const require = createRequire(import.meta.url);
loadQuietly();
export const tf = require('@tensorflow/tfjs-node-gpu') as typeof import('@tensorflow/tfjs-node-gpu');
export type Tensor = import('@tensorflow/tfjs-node-gpu').Tensor;
