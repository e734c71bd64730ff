import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { describeWith, temporaryFolder } from '../evaluator/fixtures.ts';

const describeMasked = await describeWith('bubblewrap');

/** What Node says of `words` where there is no GPU and /proc/cpuinfo names none of these features. */
async function masked(features: readonly string[], words: readonly string[], env = {}) {
  const folder = await temporaryFolder();
  const cpuinfo = join(folder, 'cpuinfo');
  const isKept = (flag: string) => !features.includes(flag);
  const text = (await readFile('/proc/cpuinfo', 'utf8')).replace(/^flags\s*:.*$/gm, (line) =>
    line.split(' ').filter(isKept).join(' '),
  );
  await writeFile(cpuinfo, text);
  return execa(
    'bwrap',
    [...['--dev-bind', '/', '/', '--ro-bind', cpuinfo, '/proc/cpuinfo'], ...[process.execPath, ...words]],
    { env: { CUDA_VISIBLE_DEVICES: '', ...env } },
  );
}

async function syntheticTrack(): Promise<string> {
  const track = join(await temporaryFolder(), 'track');
  const counts = ['--train-per-class', '60', '--test-per-class', '20'];
  await execa('node', [
    ...['cli/bin.mjs', 'data', 'make', '--source', 'synthetic', ...counts, '--seed', '1', '--out', track],
  ]);
  return track;
}

describeMasked('a CPU whose AVX2, FMA and bfloat16 are hidden in /proc/cpuinfo', () => {
  const features = ['avx2', 'fma', 'avx512_bf16', 'amx_bf16'];

  test('trains by TensorFlow alone; check-machine, the progress and the settings of the model say so', async () => {
    const { stdout } = await masked(features, ['cli/bin.mjs', 'check-machine']);
    expect(stdout).toMatch(
      /training ops +TensorFlow's, in float32 \(no native ops: the CPU has no avx2, fma\)/,
    );

    // The stage itself: a sandbox would show its entry the processor as it is.
    const out = await temporaryFolder();
    const environment = {
      HAET_TRAIN_DIR: join(await syntheticTrack(), 'train'),
      HAET_OUT_DIR: out,
      HAET_SEED: '1',
      HAET_BUDGET_SECONDS: '15',
      HAET_CPUS: '2',
      HAET_PROGRESS_FD: '1',
    };
    const { stdout: said } = await masked(
      features,
      ['dist/submission/main.js', 'train', '--set', 'width=0.25'],
      environment,
    );
    const progress = said.split('\n').filter((line) => line.startsWith('{'));
    expect(progress.map((line) => JSON.parse(line).engine)).toContain('stock');
    expect(said).not.toContain('native');
    expect(said).toMatch(/\d+ steps, /);
    expect(JSON.parse(await readFile(join(out, 'settings.json'), 'utf8')).engine).toBe('stock');
  });
});
