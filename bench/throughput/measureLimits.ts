import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Limits } from './limits.ts';

/** Measures the limits of this machine with a program compiled for it, `limit.cc`. */
export async function measureLimits(threads: number): Promise<Limits> {
  const source = fileURLToPath(new URL('../../../bench/throughput/limit.cc', import.meta.url));
  const build = await mkdtemp(join(tmpdir(), 'haet-limit-'));
  try {
    const program = join(build, 'limit');
    await execa('c++', ['-O3', '-march=native', '-std=c++17', '-pthread', source, '-o', program]);
    const { stdout } = await execa(program, [String(threads)]);
    return JSON.parse(stdout);
  } finally {
    await rm(build, { recursive: true });
  }
}
