import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { backend } from '../ops.ts';

/** Functions of the addon; loading it registers the ops with TensorFlow. */
export interface NativeOps {
  readonly version: number;
  /** Sets the number of threads. @param count 1 or more */
  setThreads(count: number): void;
}

/** ABI version: names, attributes, inputs with their shapes, and outputs of the ops. Must match ops/addon.cc. */
const version = 4;

/**
 * Loads the addon, which set-up puts beside the binding of TensorFlow.js. Node loads it once per process.
 * @returns null if this machine cannot run it, uses a GPU, or has a runtime without it
 */
export function nativeOps(): NativeOps | null {
  const ops = whyNoNativeOps() === null ? load() : null;
  return typeof ops === 'string' ? null : ops;
}

/**
 * Returns why the addon is not used here; null if it is.
 * @param flags CPU flags from /proc/cpuinfo
 * @param onGpu whether TensorFlow uses a GPU
 */
export function whyNoNativeOps(
  flags: readonly string[] = cpuFlags(),
  onGpu: boolean = backend.isUsingGpuDevice,
): string | null {
  if (onGpu) return 'a GPU is used';
  const needed = neededInstructions();
  if (needed === null) return 'set-up has not built them';
  const missing = needed.filter((name) => !flags.includes(name));
  if (missing.length > 0) return `the CPU lacks ${missing.join(', ')}`;
  const ops = load();
  return typeof ops === 'string' ? ops : null;
}

/**
 * Returns the instructions that the addon is compiled for, from the file that set-up writes beside it; null without it.
 */
function neededInstructions(): readonly string[] | null {
  try {
    const { needs } = JSON.parse(readFileSync(addonPath().replace(/\.node$/, '.json'), 'utf8'));
    return existsSync(addonPath()) && Array.isArray(needs) ? needs : null;
  } catch {
    return null;
  }
}

const require = createRequire(import.meta.url);

/** Loads the addon, or returns why it cannot be used: it belongs to the runtime, whose version can differ from ours. */
function load(): NativeOps | string {
  try {
    const ops: NativeOps = require(addonPath());
    return ops.version === version ? ops : `the runtime has ABI version ${ops.version}, expected ${version}`;
  } catch (error) {
    return `loading failed: ${(error as Error).message}`;
  }
}

const addonPath = () =>
  join(dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json')), 'lib/napi-v8/haet_ops.node');

/** Returns the flags of the first CPU in /proc/cpuinfo; empty if the file does not exist. */
export function cpuFlags(): readonly string[] {
  try {
    return /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.trim().split(' ') ?? [];
  } catch {
    return [];
  }
}
