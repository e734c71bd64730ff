import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import type { Verdict } from '../../../submission/gpuProof/verdict.ts';

const program = 'dist/submission/gpuProof/main.js';
const folder = mkdtempSync(join(tmpdir(), 'haet-gpu-'));
const standIn = join(folder, 'standInGpu.so');
beforeAll(async () => {
  const stamp = 'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.json';
  const { library } = JSON.parse(readFileSync(stamp, 'utf8'));
  const headers = ['-I', join(library, 'tensorflow/include')];
  const source = 'test/submission/gpuProof/standInGpu.cc';
  await execa('c++', ['-shared', '-fPIC', '-std=c++17', ...headers, source, '-o', standIn]);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function prove(env: Record<string, string>, words: string[] = []): Promise<Verdict> {
  const { stdout } = await execa(process.execPath, [program, ...words], { env });
  return JSON.parse(stdout);
}

const onStandIn = (way: string, words?: string[]) => prove({ LD_PRELOAD: standIn, STAND_IN_GPU: way }, words);

/** The CPU computes both sides; as on a GPU, the gradient of the input is an op of its own. */
test('a GPU that computes what the CPU computes passes', async () => {
  const verdict = await onStandIn('works');
  expect(verdict).toMatchObject({ failure: null, version: '2.21.0' });
  expect(verdict.compared).toBeGreaterThan(100);
  expect(verdict.largest?.difference).toBeLessThan(0.02);
});

describe('a GPU fails the check, with the reason, if it', () => {
  test.each([
    [
      'has no memory',
      /the memory of the GPU is used up \(computing stem in float32 on the GPU: OOM when/,
      /nvidia-smi/,
    ],
    [
      'has no kernel',
      /TensorFlow has no code for this model of GPU \(computing stem .* no kernel image/,
      /another GPU/,
    ],
    ['crashes', /^computing stem in float32 on the GPU failed \(SIGSEGV\)$/, /update the NVIDIA driver/],
    [
      'gives NaN',
      /the output of stem in float32 has the value NaN on the GPU and is finite on the CPU/,
      /driver/,
    ],
    ['gives wrong numbers', /computes wrong numbers: the .* differs from the CPU's by \d+ %/, /driver/],
  ])('%s', async (way, why, remedy) => {
    const { failure } = await onStandIn(way);
    expect(failure?.why).toMatch(why);
    expect(failure?.remedy).toMatch(remedy);
  });

  test('hangs', async () => {
    const { failure } = await onStandIn('hangs', ['8']);
    expect(failure?.why).toMatch(
      /^(loading TensorFlow|computing stem in float32 on the GPU) did not end within 8 s$/,
    );
  });
});

test('without a GPU, the check says that TensorFlow finds none', async () => {
  const { failure, version } = await onStandIn('no GPU');
  expect(version).toBe('2.21.0');
  expect(failure?.why).toBe('TensorFlow finds no GPU');
  expect(failure?.remedy).toMatch(/in a container, start it with --gpus all/);
});
