import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { backend } from '../ops.ts';
import { type Variant, variantsOf } from './variants.ts';

/** Functions of an addon; loading it registers its ops with TensorFlow. */
export interface NativeOps {
  readonly version: number;
  readonly variant: Variant;
  /** Channels per vector. */
  readonly lanes: number;
  /** Sets the number of threads. @param count 1 or more */
  setThreads(count: number): void;
}

/** ABI version: names, attributes, inputs with their shapes, and outputs of the ops. Must match ops/addon.cc. */
const version = 7;

/**
 * Loads an addon, which set-up puts beside the binding of TensorFlow.js. Node loads it once per process.
 * @returns null if this machine cannot run it, uses a GPU, or has a runtime without it
 */
export function nativeOps(variant: Variant): NativeOps | null {
  const ops = whyNotVariant(variant) === null ? load(variant) : null;
  return typeof ops === 'string' ? null : ops;
}

/** Returns the variants that this machine can run: widest vectors first. */
export const nativeVariants = (): readonly Variant[] =>
  variantsOf(process.arch).filter((variant) => nativeOps(variant) !== null);

/** Returns why no native ops are used here; null if they are. Parameters as for `whyNotVariant`. */
export function whyNoNativeOps(flags = cpuFlags(), onGpu = backend.isUsingGpuDevice): string | null {
  const reasons = variantsOf(process.arch).map((variant) => whyNotVariant(variant, flags, onGpu));
  if (reasons.includes(null)) return null;
  return reasons.at(-1) ?? `there are none for ${process.arch}`; // the last variant needs least
}

/**
 * Returns why an addon is not used here; null if it is.
 * @param flags CPU flags from /proc/cpuinfo. Linux leaves out those whose registers it does not save.
 * @param onGpu whether TensorFlow uses a GPU
 */
export function whyNotVariant(
  variant: Variant,
  flags: readonly string[] = cpuFlags(),
  onGpu: boolean = backend.isUsingGpuDevice,
): string | null {
  if (onGpu) return 'a GPU is used';
  const needed = neededInstructions(variant);
  if (needed === null) return 'set-up has not built them';
  const missing = needed.filter((name) => !flags.includes(name));
  if (missing.length > 0) return `the CPU lacks ${missing.join(', ')}`;
  const ops = load(variant);
  return typeof ops === 'string' ? ops : null;
}

/**
 * Returns the instructions that an addon is compiled for, from the file that set-up writes beside it; null without it.
 */
function neededInstructions(variant: Variant): readonly string[] | null {
  const path = addonPath(variant);
  try {
    const { needs } = JSON.parse(readFileSync(path.replace(/\.node$/, '.json'), 'utf8'));
    return existsSync(path) && Array.isArray(needs) ? needs : null;
  } catch {
    return null;
  }
}

const require = createRequire(import.meta.url);

/** Loads an addon, or returns why it cannot be used: it belongs to the runtime, whose version can differ from ours. */
function load(variant: Variant): NativeOps | string {
  try {
    const ops: NativeOps = require(addonPath(variant));
    return ops.version === version ? ops : `the runtime has ABI version ${ops.version}, expected ${version}`;
  } catch (error) {
    return `loading failed: ${(error as Error).message}`;
  }
}

const addonPath = (variant: Variant) =>
  join(
    dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json')),
    `lib/napi-v8/haet_ops_${variant}.node`,
  );

/**
 * Returns the flags of the first CPU in /proc/cpuinfo, where arm64 calls them features; empty if the file does not
 * exist.
 */
export function cpuFlags(path = '/proc/cpuinfo'): readonly string[] {
  try {
    return /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync(path, 'utf8'))?.[1]?.trim().split(' ') ?? [];
  } catch {
    return [];
  }
}
