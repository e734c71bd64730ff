import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { execa } from 'execa';
import { runtimePlaces, tensorflowFolder } from '../machine/runtime.ts';
import type { Mount } from './sandbox.ts';

/** Where fenced stages find the packages of the runtime. */
export const packagesInside = '/node_modules';

/**
 * What entries written for Node find beside the system: the packages of the runtime as /node_modules, and the TensorFlow
 * library that they are linked to, at its own place. The sealed image has the same at the same place. Nothing where the
 * runtime is not set up.
 */
export function runtimeMounts(): Mount[] {
  const { packages } = runtimePlaces();
  if (!existsSync(packages)) return [];
  const mounts = [{ host: packages, inside: packagesInside }];
  const library = tensorflowFolder(packages);
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
