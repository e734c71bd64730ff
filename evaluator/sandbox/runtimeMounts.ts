import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { projectFolder } from '../machine/version.ts';
import type { Mount } from './sandbox.ts';

/** The Node packages that entries may use, and where fenced stages find them. */
export const packagesFolder = join(projectFolder, 'node_modules');
export const packagesInside = '/node_modules';

/**
 * What entries written for Node find beside the system: this project's packages as /node_modules, and the TensorFlow
 * library that they are linked to, at its own place. The sealed image has the same at the same place.
 */
export function runtimeMounts(): Mount[] {
  if (!existsSync(packagesFolder)) return [];
  const mounts = [{ host: packagesFolder, inside: packagesInside }];
  const library = tensorflowFolder(packagesFolder);
  return library === null ? mounts : [...mounts, { host: library, inside: library }];
}

/**
 * The Node that runs us, which is first on the PATH of every stage, and those of its libraries that do not come with the
 * system (conda brings its own). Files, each at its own place: of the folders about them, which may be somebody's home,
 * nothing is shown. None where Node is part of the system.
 */
export async function nodeMounts(): Promise<Mount[]> {
  const files = [process.execPath, ...(await librariesOf(process.execPath))];
  return files.filter((file) => !isOfSystem(file)).map((file) => ({ host: file, inside: file }));
}

/** As the dynamic linker finds them; none for a program that is linked statically. */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await execa('ldd', [program], { reject: false });
  return [...(stdout ?? '').matchAll(/ => (\/.+) \(0x/g)].map(([, path]) => resolve(path!));
}

const isOfSystem = (path: string): boolean => /^\/(usr|bin|sbin|lib|lib64)\//.test(path);

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
