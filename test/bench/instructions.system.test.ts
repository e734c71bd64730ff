import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { howCompiled } from '../../bench/compileNative.ts';
import { cpuFlags } from '../../submission/engine/native/addon.ts';

interface Counts {
  readonly compiler: string;
  readonly counts: Record<string, number>;
}

const recorded: Counts = JSON.parse(await readFile('bench/instructions/recorded.json', 'utf8'));
const firstLine = async (program: string) =>
  (await execa(program, ['--version'], { reject: false })).stdout?.split('\n')[0];
const compiler = await firstLine(process.env.CXX || 'c++');

async function whyNot(): Promise<string | null> {
  const { variants } = await howCompiled('.');
  const { needs } = variants.find(({ name }) => name === 'avx2')!;
  const flags = cpuFlags();
  if (!needs.every((name) => flags.includes(name))) return `the CPU lacks some of ${needs.join(', ')}`;
  if (compiler !== recorded.compiler) return `the compiler is not ${recorded.compiler}`;
  return (await firstLine('valgrind')) === undefined ? 'valgrind is not installed' : null;
}

const why = await whyNot();

(why === null ? test : test.skip)(
  `no native kernel takes more instructions than recorded${why === null ? '' : ` (skipped: ${why})`}`,
  async () => {
    const { stdout } = await execa(process.execPath, ['dist/bench/instructions/main.js', '--json']);
    const { counts }: Counts = JSON.parse(stdout);
    expect(Object.keys(counts)).toEqual(Object.keys(recorded.counts));
    const grown = Object.entries(counts).filter(([name, count]) => count > 1.02 * recorded.counts[name]!);
    expect(grown).toEqual([]);
  },
  600_000,
);
