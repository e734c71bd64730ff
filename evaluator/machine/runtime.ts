import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../datasets/cacheFolder.ts';
import { projectFolder } from './version.ts';

/** Written by `npm run pack`, so that a clone has none: the name of the runtime's folder. */
const keyFile = join(projectFolder, 'dist/runtime/key');

/** The compiled reference submission, as it comes with the evaluator. */
export const referenceSubmission: string = join(projectFolder, 'dist/submission');

/**
 * What set-up makes for entries written for TensorFlow.js. None of it is needed by the evaluator or by other entries.
 */
export interface Runtime {
  /** Folder of packages, with the compiled parts of TensorFlow.js; shown to entries as /node_modules. */
  readonly packages: string;
  /** The reference submission, where it finds these packages. */
  readonly submission: string;
}

/** Returns where the runtime is, set up or not: in the clone, else in the cache. */
export function runtimePlaces(): Runtime {
  if (!existsSync(keyFile)) {
    return { packages: join(projectFolder, 'node_modules'), submission: referenceSubmission };
  }
  const folder = join(cacheFolder(), 'runtime', readFileSync(keyFile, 'utf8').trim());
  return { packages: join(folder, 'node_modules'), submission: join(folder, 'submission') };
}

/** The native ops that set-up builds, by processor (process.arch). */
const nativeOps: Readonly<Record<string, readonly string[]>> = {
  x64: ['haet_ops_avx512bf16', 'haet_ops_avx512', 'haet_ops_avx2'],
  arm64: ['haet_ops_neon'],
};

/** Returns whether set-up has made all parts of the runtime. It looks for them only; set-up compares their contents. */
export function runtimeIsReady(
  { packages, submission }: Runtime = runtimePlaces(),
  processor: string = process.arch,
): boolean {
  const made = ['tfjs_binding', 'haet_quiet_load', ...(nativeOps[processor] ?? [])].every((name) =>
    existsSync(join(compiledParts(packages), `${name}.node`)),
  );
  return made && tensorflowFolder(packages) !== null && existsSync(join(submission, 'haet.json'));
}

/** Returns the folder of the TensorFlow library that set-up linked the packages to; null without one. */
export function tensorflowFolder(packages: string): string | null {
  try {
    const { library } = JSON.parse(readFileSync(join(compiledParts(packages), 'tfjs_binding.json'), 'utf8'));
    return typeof library === 'string' && existsSync(library) ? library : null;
  } catch {
    return null;
  }
}

const compiledParts = (packages: string): string => join(packages, '@tensorflow/tfjs-node-gpu/lib/napi-v8');
