import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { backend } from '../ops.ts';

/** What the addon of our own TensorFlow ops offers beside the ops; it registers them when it is loaded. */
export interface NativeOps {
  /** @param count of threads that compute, 1 or more */
  setThreads(count: number): void;
}

/** The instructions that set-up compiles the addon for; without them it may not even be loaded. */
const needed: Readonly<Record<string, readonly string[]>> = { x64: ['avx2', 'fma'], arm64: [] };

let loaded: NativeOps | null | undefined;

/**
 * The addon, which set-up puts beside the binding of TensorFlow.js; loaded once.
 * @returns null where this machine cannot run it, computes on a GPU, or has a runtime without it
 */
export function nativeOps(): NativeOps | null {
  loaded ??= whyNoNativeOps() === null ? load() : null;
  return loaded;
}

/**
 * Why the addon is not used here; null where it is.
 * @param flags what the CPU can do, as /proc/cpuinfo names it
 */
export function whyNoNativeOps(flags: readonly string[] = cpuFlags()): string | null {
  if (backend.isUsingGpuDevice) return 'a GPU computes';
  const instructions = needed[process.arch];
  if (instructions === undefined) return `there is none for ${process.arch}`;
  const missing = instructions.filter((name) => !flags.includes(name));
  if (missing.length > 0) return `the CPU has no ${missing.join(', ')}`;
  try {
    readFileSync(addonPath());
    return null;
  } catch {
    return 'set-up has not built them';
  }
}

const require = createRequire(import.meta.url);
const load = (): NativeOps => require(addonPath());
const addonPath = () =>
  join(dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json')), 'lib/napi-v8/haet_ops.node');

/** What /proc/cpuinfo says that the first CPU can do; nothing where there is none. */
export function cpuFlags(): readonly string[] {
  try {
    return /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.trim().split(' ') ?? [];
  } catch {
    return [];
  }
}
