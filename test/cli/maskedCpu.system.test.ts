import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { readNpy } from '../../datasets/npy.ts';
import { cpuFlags, whyNotVariant } from '../../submission/engine/native/addon.ts';
import { type Variant, variantOf } from '../../submission/engine/native/variants.ts';
import { describeWith, temporaryFolder } from '../evaluator/fixtures.ts';
import { error } from '../submission/engines.ts';

const describeMasked = await describeWith('bubblewrap');

/** Returns what Node prints for `words` without a GPU and with other CPU features in /proc/cpuinfo. */
async function masked(flags: Flags, words: readonly string[], env = {}) {
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

type Flags = (flags: readonly string[]) => readonly string[];

/**
 * Trains on such a CPU. Starts the stage itself, because a sandbox would show its entry the real processor.
 *
 * @param settings further `name=value` words
 * @returns its output, its model's folder, the engines in its progress lines, and the settings kept with the model
 */
async function trainMasked(flags: Flags, ...settings: string[]) {
  const model = await temporaryFolder();
  const environment = {
    HAET_TRAIN_DIR: join(track, 'train'),
    HAET_OUT_DIR: model,
    HAET_SEED: '1',
    HAET_BUDGET_SECONDS: '100', // a limit that a busy machine keeps too
    HAET_CPUS: '2',
    HAET_PROGRESS_FD: '1',
  };
  // Seconds of training, enough for progress lines and for classes that rounding does not change.
  const sets = ['width=0.25', 'trainEpochs=10', ...settings].flatMap((word) => ['--set', word]);
  const { stdout: said } = await masked(flags, ['dist/submission/main.js', 'train', ...sets], environment);
  const progress = said.split('\n').filter((line) => line.startsWith('{'));
  const engines = new Set(progress.map((line) => JSON.parse(line).engine));
  const kept = JSON.parse(await readFile(join(model, 'settings.json'), 'utf8'));
  return { said, model, engines: [...engines], settings: kept };
}

/** Returns the scores that a model gives the test images on such a CPU. */
async function predictMasked(flags: Flags, model: string): Promise<Float32Array> {
  const out = await temporaryFolder();
  await masked(flags, ['dist/submission/main.js', 'predict'], {
    HAET_TEST_IMAGES: join(track, 'test/images.npy'),
    HAET_MODEL_DIR: model,
    HAET_OUT_DIR: out,
    HAET_SEED: '1',
    HAET_BUDGET_SECONDS: '60',
    HAET_CPUS: '2',
  });
  const { data } = await readNpy(join(out, 'predictions.npy'), { dtype: 'float32', shape: [200, 10] });
  return data;
}

const hide =
  (...hidden: string[]): Flags =>
  (flags) =>
    flags.filter((flag) => !hidden.some((start) => flag.startsWith(start)));
const withoutBfloat16 = hide('avx512_bf16', 'amx_bf16');
const withoutAvx512 = hide('avx512', 'amx_bf16');
const withoutAvx2 = hide('avx2', 'fma', 'avx512', 'amx_bf16');

describeMasked('a CPU whose AVX2, FMA, AVX-512 and bfloat16 are hidden in /proc/cpuinfo', () => {
  test("trains with the stock engine only; check-machine, the progress and the model's settings report it", async () => {
    const { stdout } = await masked(withoutAvx2, ['cli/bin.mjs', 'check-machine']);
    expect(stdout).toMatch(
      /training ops +TensorFlow's, in float32 \(no native ops: the CPU lacks avx2, fma\)/,
    );
    const { said, engines, settings } = await trainMasked(withoutAvx2);
    expect(said).not.toContain('native');
    expect(said).toMatch(/\d+ steps, /);
    expect(engines).toEqual(['stock']);
    expect([settings.engine, settings.precision]).toEqual(['stock', 'float32']);
  });
});

const flags = cpuFlags();
/** Skips what the CPU cannot run, and nothing that set-up should have built. */
const describeFor = (variant: Variant) =>
  whyNotVariant(variant, flags)?.startsWith('the CPU lacks') ? describe.skip : describeMasked;

describeFor('avx2')('a CPU with AVX2 and without AVX-512 (skipped where AVX2 is missing)', () => {
  test('trains with the native ops for AVX2', async () => {
    const { stdout } = await masked(withoutAvx512, ['cli/bin.mjs', 'check-machine']);
    expect(stdout).toMatch(/training ops +native-avx2, in float32$/m);
    const { engines, settings } = await trainMasked(withoutAvx512);
    expect(engines).toEqual(['native-avx2']);
    expect(settings.engine).toBe('native-avx2');
  });

  test('with bfloat16 added measures the paths and trains with one of them', async () => {
    const withBfloat16 = (flags: readonly string[]) => [...withoutAvx512(flags), 'avx512_bf16'];
    const { stdout } = await masked(withBfloat16, ['cli/bin.mjs', 'check-machine']);
    expect(stdout).toMatch(
      /training ops +native-avx2, in float32; or TensorFlow's, in bfloat16: a run measures them/,
    );
    const { said, engines, settings } = await trainMasked(withBfloat16);
    expect(said).toMatch(/^native-avx2 ops in float32, width [\d.]+: \d+ ms per step$/m);
    expect(said).toMatch(/^stock ops in bfloat16, width [\d.]+: \d+ ms per step$/m);
    expect(said).toMatch(/\d+ steps, /);
    expect(engines).toEqual([settings.engine]);
    expect(settings.precision).toBe(settings.engine === 'stock' ? 'bfloat16' : 'float32');
  });
});

describeFor('avx512')('a CPU with AVX-512 and without bfloat16 (skipped without AVX-512)', () => {
  test('measures both variants and trains with one of them', async () => {
    const { stdout } = await masked(withoutBfloat16, ['cli/bin.mjs', 'check-machine']);
    expect(stdout).toMatch(
      /training ops +native-avx512, in float32; or native-avx2, in float32: a run measures them/,
    );
    const { said, engines, settings } = await trainMasked(withoutBfloat16);
    for (const variant of ['avx512', 'avx2']) {
      expect(said).toMatch(new RegExp(`^native-${variant} ops in float32, width [\\d.]+: \\d+ ms`, 'm'));
    }
    expect(engines).toEqual([settings.engine]);
    expect(variantOf(settings.engine)).not.toBeNull();
  });

  test('trains a model whose scores differ only by rounding on a CPU without', async () => {
    const { model, engines } = await trainMasked(withoutBfloat16, 'engine=native-avx512');
    expect(engines).toEqual(['native-avx512']);
    const [wide, narrow, stock] = await Promise.all(
      [withoutBfloat16, withoutAvx512, withoutAvx2].map((each) => predictMasked(each, model)),
    );
    expect(wide!.length).toBe(200 * 10);
    // Forward, both variants add the products of a value in the same order.
    expect(error(narrow!, wide!)).toBeLessThan(1e-4);
    expect(error(stock!, wide!)).toBeLessThan(1e-4);
    expect(stock).not.toEqual(wide);
  });
});

describeFor('avx512bf16')('a CPU with AVX-512 and its bfloat16 (skipped without)', () => {
  test('trains in bfloat16 with vectors of 16, and other CPUs predict the same classes with the model', async () => {
    const all: Flags = (flags) => flags;
    const { stdout } = await masked(all, ['cli/bin.mjs', 'check-machine']);
    expect(stdout).toMatch(
      /training ops +native-avx512bf16, in bfloat16; or native-avx512, in float32; or native-avx2, in float32; or TensorFlow's, in bfloat16: a run measures them/,
    );
    const { model, engines, settings } = await trainMasked(all, 'engine=native-avx512bf16');
    expect(engines).toEqual(['native-avx512bf16']);
    expect([settings.engine, settings.precision]).toEqual(['native-avx512bf16', 'bfloat16']);
    const [rounded, ...others] = await Promise.all(
      [all, withoutBfloat16, withoutAvx2].map((each) => predictMasked(each, model)),
    );
    for (const other of others) {
      expect(other).not.toEqual(rounded);
      const same = classesOf(other).filter((name, image) => name === classesOf(rounded!)[image]);
      expect(same.length).toBeGreaterThan(0.97 * 200);
    }
  });
});

/** Returns the class with the largest score of every image. */
const classesOf = (scores: Float32Array): number[] =>
  Array.from({ length: scores.length / 10 }, (_, image) => {
    const row = scores.subarray(10 * image, 10 * image + 10);
    return row.indexOf(Math.max(...row));
  });
