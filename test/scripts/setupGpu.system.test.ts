import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { addonsOfClone, createTinyClone, type TinyClone } from './tinyClone.ts';
import { createTinyGpu, type TinyGpu } from './tinyGpu.ts';

let clone: TinyClone;
let gpu: TinyGpu;
beforeAll(async () => {
  clone = await createTinyClone();
  gpu = await createTinyGpu(clone);
});
afterAll(() => clone.remove());

const libraries = () => join(clone.cache, 'libtensorflow');
const verdicts = () => join(clone.cache, 'gpu-verdicts');
/** Returns the devices that the cache has libraries for. */
const devices = () => readdirSync(libraries()).map((name) => name.split('-')[1]);

beforeEach(() => {
  gpu.setDriver('550.1');
  rmSync(verdicts(), { recursive: true, force: true });
  if (!existsSync(libraries())) return;
  for (const name of readdirSync(libraries())) {
    if (name.includes('-gpu-')) rmSync(join(libraries(), name), { recursive: true });
  }
});

const setUp = (env: Record<string, string> = {}) => clone.setUp({ ...gpu.environment(), ...env });

/** Returns the device whose library the addons are linked to. */
function deviceInUse(): string | undefined {
  const folder = join(clone.root, 'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8');
  const names = addonsOfClone;
  const used = names.map((name) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')).library);
  expect(new Set(used).size).toBe(1);
  return used[0].split('/').at(-1).split('-')[1];
}

/** Runs a set-up that must fall back to the CPU, and returns why it did. */
async function fallsBack(): Promise<string> {
  const { all, exitCode } = await setUp();
  expect(exitCode).toBe(0);
  expect(all).toMatch(/an NVIDIA GPU was found, so TensorFlow's build for it is used: .*HAET_DEVICE=cpu/);
  expect(all).toMatch(/to try the GPU again: HAET_DEVICE=gpu npm run setup\nhaet set-up: ready after/);
  expect(deviceInUse()).toBe('cpu');
  expect(devices()).toEqual(['cpu']);
  expect(readdirSync(join(clone.cache, 'downloads'))).toEqual([]);
  return /the CPU is used: (.*)/.exec(all ?? '')?.[1] ?? '';
}

test('a GPU that computes what the CPU computes is used, and a second set-up is silent', async () => {
  await gpu.pinLibrary('');
  const { all, exitCode } = await setUp();
  expect(all).toMatch(
    /GPU: 1 results agree with the CPU's; the largest difference is 0 %, of the output of block/,
  );
  expect(exitCode).toBe(0);
  expect(deviceInUse()).toBe('gpu');
  expect(await setUp()).toMatchObject({ all: '', exitCode: 0 });
});

describe('the CPU is used, with the reason, if the GPU build', () => {
  test.each([
    [
      'does not load',
      'extern int missing; missing = 1;',
      /binding was compiled but does not load \(.*undefined symbol/,
    ],
    ['crashes', 'if (on_gpu) raise(SIGSEGV);', /because .* failed \(SIGSEGV\): update the NVIDIA driver/],
    [
      'finds no GPU',
      'device = "cpu";',
      /because TensorFlow finds no GPU: check that nvidia-smi lists the GPU/,
    ],
    [
      'has no code for it',
      'if (on_gpu) { fputs("Message: CUDA_ERROR_NO_BINARY_FOR_GPU\\n", stderr); exit(1); }',
      /because TensorFlow has no code for this model of GPU \(.*CUDA_ERROR_NO_BINARY_FOR_GPU\)/,
    ],
    [
      'gives wrong numbers',
      'if (on_gpu) floats = kWrong;',
      /wrong numbers: the output of block differs .* by 89 %/,
    ],
    ['gives NaN', 'if (on_gpu) floats = kNaN;', /the output of block has the value NaN on the GPU/],
  ])('%s', async (_, code, why) => {
    await gpu.pinLibrary(code);
    expect(await fallsBack()).toMatch(why);
  });

  test('hangs', async () => {
    await gpu.pinLibrary('if (on_gpu) pause();', { proofSeconds: 2 });
    expect(await fallsBack()).toMatch(/did not end within 2 s/);
  });

  test('needs more space than the disk has', async () => {
    await gpu.pinLibrary('', { unpackedBytes: 1e15 });
    expect(await fallsBack()).toMatch(/is too full: libtensorflow needs 1000000000 MB/);
  });
});

describe('a GPU build that failed', () => {
  const crash = 'if (on_gpu) raise(SIGSEGV);';

  test('is not tried by the next set-up, and again if the driver changes', async () => {
    await gpu.pinLibrary(crash);
    await fallsBack();
    expect(await setUp()).toMatchObject({ all: '', exitCode: 0 });
    gpu.setDriver('560.1');
    await gpu.pinLibrary(crash);
    await fallsBack();
  });

  test('is tried with HAET_DEVICE=gpu, which fails in one sentence; once it works, auto uses it', async () => {
    await gpu.pinLibrary(crash);
    await fallsBack();
    await gpu.pinLibrary(crash);
    const { all, exitCode } = await setUp({ HAET_DEVICE: 'gpu' });
    expect(exitCode).toBe(2);
    expect(all?.split('\n').at(-1)).toMatch(
      /TensorFlow does not work on this GPU, because .* \(SIGSEGV\): update .*, or set HAET_DEVICE=cpu\.$/,
    );
    await gpu.pinLibrary('');
    expect(await setUp({ HAET_DEVICE: 'gpu' })).toMatchObject({ exitCode: 0 });
    expect(await setUp()).toMatchObject({ all: '', exitCode: 0 });
    expect(deviceInUse()).toBe('gpu');
  });

  test('stays in the cache if it works with another driver', async () => {
    await gpu.pinLibrary('');
    expect((await setUp()).exitCode).toBe(0);
    gpu.setDriver('561.1');
    // The same library, with a limit that it cannot keep.
    await gpu.pinLibrary('', { proofSeconds: 0.001 });
    expect((await setUp()).all).toMatch(/the CPU is used: .* did not end within 0\.001 s/);
    expect(deviceInUse()).toBe('cpu');
    expect(devices().sort()).toEqual(['cpu', 'gpu']);
  });
});

describe('without a usable GPU', () => {
  test('a driver whose library is missing costs no download, and the reason is said while there is work', async () => {
    clone.reset();
    await gpu.pinLibrary('');
    const environment = gpu.environment({ withGpu: false });
    const { all, exitCode } = await clone.setUp(environment);
    expect(exitCode).toBe(0);
    expect(all).toMatch(
      /An NVIDIA driver was found, but the CPU is used: the driver's library does not load \(libcuda\.so\.1.*--gpus all/,
    );
    expect(deviceInUse()).toBe('cpu');
    expect(existsSync(verdicts())).toBe(false);
    expect(await clone.setUp(environment)).toMatchObject({ all: '', exitCode: 0 });
  });

  test('a GPU build is set up without a proof for an image', async () => {
    gpu.setDriver('562.1');
    await gpu.pinLibrary('if (on_gpu) raise(SIGSEGV);');
    const env = { ...gpu.environment({ withGpu: false }), HAET_DEVICE: 'gpu', HAET_NVIDIA_DRIVER: '/none' };
    expect((await clone.setUp(env, [], ['--without-proof'])).exitCode).toBe(0);
    expect(deviceInUse()).toBe('gpu');
  });
});
