// Loads TensorFlow.js from the evaluator's packages.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url); // unlike an import, it also searches NODE_PATH

// TensorFlow reads these when it is loaded.
process.env.TF_NUM_INTRAOP_THREADS = process.env.HAET_CPUS;
process.env.TF_NUM_INTEROP_THREADS = '1';
process.env.TF_CPP_MIN_LOG_LEVEL = '2';

// TensorFlow.js 4.22 calls two functions that Node 23 removed.
const util = require('node:util');
util.isArray ??= Array.isArray;
util.isNullOrUndefined ??= (value) => value === null || value === undefined;

export const tf = require('@tensorflow/tfjs-node-gpu');
