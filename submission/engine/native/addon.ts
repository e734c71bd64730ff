import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { backend } from '../ops.ts';

/** What the addon of our own TensorFlow ops exports; loading it registers the ops with TensorFlow. */
export interface NativeOps {
  readonly version: number;
  /** @param count of threads that compute, 1 or more */
  setThreads(count: number): void;
}

/** ABI version: names, attributes, inputs with their shapes, and outputs of the ops. The same as in ops/addon.cc. */
const version = 4;

/**
 * The addon, which set-up puts beside the binding of TensorFlow.js. Node loads it once per process.
 * @returns null where this machine cannot run it, computes on a GPU, or has a runtime without it
 */
export function nativeOps(): NativeOps | null {
  const ops = whyNoNativeOps() === null ? load() : null;
  return typeof ops === 'string' ? null : ops;
}

/**
 * Why the addon is not used here; null where it is.
 * @param flags features of the CPU, as /proc/cpuinfo names them
 * @param onGpu whether TensorFlow computes on a GPU
 */
export function whyNoNativeOps(
  flags: readonly string[] = cpuFlags(),
  onGpu: boolean = backend.isUsingGpuDevice,
): string | null {
  if (onGpu) return 'a GPU computes';
  const needed = neededInstructions();
  if (needed === null) return 'set-up has not built them';
  const missing = needed.filter((name) => !flags.includes(name));
  if (missing.length > 0) return `the CPU has no ${missing.join(', ')}`;
  const ops = load();
  return typeof ops === 'string' ? ops : null;
}

/** The instructions that the addon is compiled for, which set-up notes beside it; null where there is no such note. */
function neededInstructions(): readonly string[] | null {
  try {
    const { needs } = JSON.parse(readFileSync(addonPath().replace(/\.node$/, '.json'), 'utf8'));
    return existsSync(addonPath()) && Array.isArray(needs) ? needs : null;
  } catch {
    return null;
  }
}

const require = createRequire(import.meta.url);

/** The addon, or why it cannot be used: it is part of the runtime, whose version may differ from ours. */
function load(): NativeOps | string {
  try {
    const ops: NativeOps = require(addonPath());
    return ops.version === version ? ops : `the runtime's are of version ${ops.version}, not ${version}`;
  } catch (error) {
    return `they do not load: ${(error as Error).message}`;
  }
}

const addonPath = () =>
  join(dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json')), 'lib/napi-v8/haet_ops.node');

/** The features of the first CPU in /proc/cpuinfo; empty where there is no such file. */
export function cpuFlags(): readonly string[] {
  try {
    return /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.trim().split(' ') ?? [];
  } catch {
    return [];
  }
}
