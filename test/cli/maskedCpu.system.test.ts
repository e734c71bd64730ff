import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { whyNoNativeOps } from '../../submission/engine/native/addon.ts';
import { describeWith, temporaryFolder } from '../evaluator/fixtures.ts';

const describeMasked = await describeWith('bubblewrap');

/** Returns what Node prints for `words` without a GPU and with other CPU features in /proc/cpuinfo. */
async function masked(
  flags: (flags: readonly string[]) => readonly string[],
  words: readonly string[],
  env = {},
) {
  const folder = await temporaryFolder();
  const cpuinfo = join(folder, 'cpuinfo');
  const text = (await readFile('/proc/cpuinfo', 'utf8')).replace(/^flags\s*:.*$/gm, (line) =>
    flags(line.split(' ')).join(' '),
  );
  await writeFile(cpuinfo, text);
  return execa(
    'bwrap',
    [...['--dev-bind', '/', '/', '--ro-bind', cpuinfo, '/proc/cpuinfo'], ...[process.execPath, ...words]],
    { env: { CUDA_VISIBLE_DEVICES: '', ...env } },
  );
}

let track: string;
beforeAll(async () => {
  track = join(await temporaryFolder(), 'track');
  const counts = ['--train-per-class', '60', '--test-per-class', '20'];
  await execa('node', [
    ...['cli/bin.mjs', 'data', 'make', '--source', 'synthetic', ...counts, '--seed', '1', '--out', track],
  ]);
});

/**
 * Trains on such a CPU. Starts the stage itself, because a sandbox would show its entry the real processor.
 *
 * @returns its output, the engines in its progress lines, and its model's settings
 */
async function trainMasked(flags: (flags: readonly string[]) => readonly string[]) {
  const out = await temporaryFolder();
  const environment = {
    HAET_TRAIN_DIR: join(track, 'train'),
    HAET_OUT_DIR: out,
    HAET_SEED: '1',
    HAET_BUDGET_SECONDS: '30',
    HAET_CPUS: '2',
    HAET_PROGRESS_FD: '1',
  };
  const words = ['dist/submission/main.js', 'train', '--set', 'width=0.25'];
  const { stdout: said } = await masked(flags, words, environment);
  const progress = said.split('\n').filter((line) => line.startsWith('{'));
  const engines = new Set(progress.map((line) => JSON.parse(line).engine));
  const settings = JSON.parse(await readFile(join(out, 'settings.json'), 'utf8'));
  return { said, engines: [...engines], settings };
}

describeMasked('a CPU whose AVX2, FMA and bfloat16 are hidden in /proc/cpuinfo', () => {
  const features = ['avx2', 'fma', 'avx512_bf16', 'amx_bf16'];
  const without = (flags: readonly string[]) => flags.filter((flag) => !features.includes(flag));

  test("trains with the stock engine only; check-machine, the progress and the model's settings report it", async () => {
    const { stdout } = await masked(without, ['cli/bin.mjs', 'check-machine']);
    expect(stdout).toMatch(
      /training ops +TensorFlow's, in float32 \(no native ops: the CPU lacks avx2, fma\)/,
    );
    const { said, engines, settings } = await trainMasked(without);
    expect(said).not.toContain('native');
    expect(said).toMatch(/\d+ steps, /);
    expect(engines).toEqual(['stock']);
    expect([settings.engine, settings.precision]).toEqual(['stock', 'float32']);
  });
});

const flags = (await readFile('/proc/cpuinfo', 'utf8')).split(/\s+/);
const hasNative = whyNoNativeOps(flags) === null;
const describeBoth = hasNative ? describeMasked : describe.skip;

describeBoth('a CPU with bfloat16 added in /proc/cpuinfo (skipped where native ops cannot run)', () => {
  test('measures both paths and trains with one of them', async () => {
    const withBfloat16 = (flags: readonly string[]) => [...flags, 'avx512_bf16'];
    const { stdout } = await masked(withBfloat16, ['cli/bin.mjs', 'check-machine']);
    expect(stdout).toMatch(
      /training ops +native, in float32; or TensorFlow's, in bfloat16: a run measures both/,
    );
    const { said, engines, settings } = await trainMasked(withBfloat16);
    expect(said).toMatch(/^native ops in float32: [\d.]+ billion multiply-adds\/s$/m);
    expect(said).toMatch(/^stock ops in bfloat16: [\d.]+ billion multiply-adds\/s$/m);
    expect(said).toMatch(/\d+ steps, /);
    expect(engines).toEqual([settings.engine]);
    expect(settings.precision).toBe(settings.engine === 'native' ? 'float32' : 'bfloat16');
  });
});
