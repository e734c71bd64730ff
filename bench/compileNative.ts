import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

const sources = 'submission/engine/native';
/** What of it computes without TensorFlow and Node. */
const folders = ['kernels', 'runtime'];

/** How set-up compiles the native ops, in `compile.json` beside their sources. */
interface Compile {
  /** Instructions that the CPU must have, as /proc/cpuinfo names them. */
  readonly needs: readonly string[];
  /** Options for the compiler other than those of optimisation. */
  readonly words: readonly string[];
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
 * @param words further options for the compiler, such as those of optimisation
 */
export async function compileNative(
  project: string,
  driver: string,
  program: string,
  words: readonly string[],
) {
  const native = join(project, sources);
  const { words: usual } = await howCompiled(project);
  const compiled = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(join(native, folder)))
        .filter((name) => name.endsWith('.cc'))
        .map((name) => join(native, folder, name)),
    ),
  );
  await execa(process.env.CXX || 'c++', [
    ...[...usual, ...words, '-I', native, driver, ...compiled.flat()],
    ...['-o', program],
  ]);
}
