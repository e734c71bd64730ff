import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

const sources = 'submission/engine/native';
/** Sources that compile without TensorFlow and Node. */
const folders = ['kernels', 'runtime'];

/** Compiler settings of the native ops, from `compile.json` beside their sources. */
interface Compile {
  /** Required CPU flags, as in /proc/cpuinfo. */
  readonly needs: readonly string[];
  /** Compiler flags except optimisation. */
  readonly words: readonly string[];
}

/** Reads the compiler settings. @param project folder of the project */
export async function howCompiled(project: string): Promise<Compile> {
  return JSON.parse(await readFile(join(project, sources, 'compile.json'), 'utf8'));
}

/** Runs the C++ compiler of CXX. A shell splits CXX, because it may have options or a launcher, as in set-up. */
export const runCompiler = (words: readonly string[]) =>
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell replaces it
  execa('sh', ['-c', 'eval "exec ${CXX:-c++} \\"\\$@\\""', 'sh', ...words]);

/**
 * Compiles a program with the native kernels, but without TensorFlow.
 *
 * @param project folder of the project
 * @param driver source of the program
 * @param words additional compiler flags, such as optimisation
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
  await runCompiler([...[...usual, ...words, '-I', native, driver, ...compiled.flat()], ...['-o', program]]);
}
