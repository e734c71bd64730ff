import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from '../version.ts';
import type { Mount } from './sandbox.ts';

/**
 * What entries written for Node find beside the system: this project's packages as /node_modules, and the TensorFlow
 * library that they are linked to, at its own place. The sealed image has the same at the same place.
 */
export function runtimeMounts(): Mount[] {
  const packages = join(projectFolder, 'node_modules');
  if (!existsSync(packages)) return [];
  const mounts = [{ host: packages, inside: '/node_modules' }];
  const library = tensorflowFolder(packages);
  return library === null ? mounts : [...mounts, { host: library, inside: library }];
}

/** Folder of the library that set-up linked the packages to; null where it did not. */
function tensorflowFolder(packages: string): string | null {
  const stamp = join(packages, '@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.json');
  try {
    const { library } = JSON.parse(readFileSync(stamp, 'utf8'));
    return typeof library === 'string' && existsSync(library) ? library : null;
  } catch {
    return null;
  }
}
