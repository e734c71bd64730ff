import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Variant } from '../submission/engine/native/variants.ts';

const sources = 'submission/engine/native';
/** Sources that compile without TensorFlow and Node. */
const folders = ['kernels', 'runtime'];

/** Compiler settings of the native ops, from `compile.json` beside their sources. */
interface Compile {
  /** Compiler flags except optimisation, for all variants. */
  readonly words: readonly string[];
  readonly variants: readonly {
    readonly name: Variant;
    /** The processor that has its instructions, as in process.arch. */
    readonly processor: string;
    readonly lanes: number;
    /** Whether convolutions multiply in bfloat16. */
    readonly bfloat16: boolean;
    /** Required CPU flags, as in /proc/cpuinfo. */
    readonly needs: readonly string[];
    readonly words: readonly string[];
  }[];
}

/** Which vectors a program is compiled for. */
export interface Target {
  /** The variant whose lanes and sizes it has. */
  readonly variant: Variant;
  /** The variant whose instructions it uses, if that is another one: the compiler lowers wider vectors. */
  readonly instructions?: Variant;
  /** A cross compiler; by default that of CXX. */
  readonly compiler?: string;
}

/** Reads the compiler settings. @param project folder of the project */
export async function howCompiled(project: string): Promise<Compile> {
  return JSON.parse(await readFile(join(project, sources, 'compile.json'), 'utf8'));
}

/** Runs a C++ compiler. A shell splits its name, because CXX may have options or a launcher, as in set-up. */
export const runCompiler = (words: readonly string[], CXX = process.env['CXX']) =>
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell replaces it
  execa('sh', ['-c', 'eval "exec ${CXX:-c++} \\"\\$@\\""', 'sh', ...words], { env: { CXX } });

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
  { variant, instructions = variant, compiler }: Target,
  words: readonly string[],
) {
  const native = join(project, sources);
  const { words: usual, variants } = await howCompiled(project);
  const named = (name: Variant) => variants.find((each) => each.name === name)!;
  const { processor, needs, words: own } = named(instructions);
  const flags = processor === 'x64' ? needs.map((flag) => `-m${flag.replace('_', '')}`) : [];
  const { lanes, bfloat16 } = named(variant);
  const target = [`-DHAET_LANES=${lanes}`, `-DHAET_BFLOAT16=${bfloat16 ? 1 : 0}`, ...flags, ...own];
  const compiled = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(join(native, folder)))
        .filter((name) => name.endsWith('.cc'))
        .map((name) => join(native, folder, name)),
    ),
  );
  const inputs = ['-I', native, driver, ...compiled.flat()];
  await runCompiler([...usual, ...target, ...words, ...inputs, '-o', program], compiler);
}
