import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { compileNative, howCompiled, runCompiler, type Target } from '../../../../bench/compileNative.ts';
import { cacheFolder } from '../../../../datasets/cacheFolder.ts';
import { sha256 } from '../../../../datasets/sha256.ts';

const driver = 'test/submission/engine/native/driver.cc';
const sources = 'submission/engine/native';
const daysKept = 30;

/**
 * Returns the path of the driver compiled for a target. Sanitizers make the compiler take about 20 s, so the program is
 * kept in the cache folder under a hash of all that it is made from: compiler, flags and every source.
 * @param words additional compiler flags
 */
export async function compiledDriver(target: Target, words: readonly string[]): Promise<string> {
  const folder = join(cacheFolder(), 'test-programs');
  const program = join(folder, await keyOf(target, words));
  await mkdir(folder, { recursive: true });
  if (!existsSync(program)) {
    await removeUnused(folder);
    const fresh = `${program}.${randomBytes(4).toString('hex')}`;
    try {
      await compileNative('.', driver, fresh, target, words);
      await rename(fresh, program);
    } finally {
      await rm(fresh, { force: true });
    }
  }
  const now = new Date();
  await utimes(program, now, now);
  return program;
}

async function keyOf(target: Target, words: readonly string[]): Promise<string> {
  const { stdout: compiler } = await runCompiler(['--version'], target.compiler);
  const names = (await readdir(sources, { recursive: true })).filter((name) => /\.(cc|h)$/.test(name)).sort();
  const files = await Promise.all(
    [driver, ...names.map((name) => join(sources, name))].map(async (file) => [
      file,
      sha256(await readFile(file)),
    ]),
  );
  const cxx = target.compiler ?? process.env['CXX'];
  return sha256(JSON.stringify([compiler, cxx, target, words, await howCompiled('.'), files]));
}

/** Removes programs that no test has used for a month. */
async function removeUnused(folder: string): Promise<void> {
  const oldest = Date.now() - daysKept * 24 * 3600 * 1000;
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    const facts = await stat(file).catch(() => null);
    if (facts !== null && facts.mtimeMs < oldest) await rm(file, { force: true });
  }
}
