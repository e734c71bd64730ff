import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

const sources = 'submission/engine/native';

/** How set-up compiles the native ops, in `compile.json` beside their sources. */
interface Compile {
  /** What the CPU must have, as /proc/cpuinfo names it. */
  readonly needs: readonly string[];
  /** Words for the compiler, but for those of optimisation. */
  readonly words: readonly string[];
  /** Sources that belong to TensorFlow or Node, and are of no use alone. */
  readonly notKernels: readonly string[];
}

/** @param project folder of the project */
export async function howCompiled(project: string): Promise<Compile> {
  return JSON.parse(await readFile(join(project, sources, 'compile.json'), 'utf8'));
}

/**
 * Compiles a program of ours with the native kernels, but without TensorFlow.
 *
 * @param project folder of the project
 * @param driver source of the program
 * @param words further words for the compiler, such as those of optimisation
 */
export async function compileNative(
  project: string,
  driver: string,
  program: string,
  words: readonly string[],
) {
  const folder = join(project, sources);
  const { words: usual, notKernels } = await howCompiled(project);
  const kernels = (await readdir(folder)).filter(
    (name) => name.endsWith('.cc') && !notKernels.includes(name),
  );
  await execa(process.env.CXX || 'c++', [
    ...[...usual, ...words, '-I', folder, driver],
    ...[...kernels.map((name) => join(folder, name)), '-o', program],
  ]);
}
