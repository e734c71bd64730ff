import { describe, expect, test } from '@jest/globals';
import { chooseDevice } from '../../scripts/setup/device.mjs';
import { pinnedLibrary } from '../../scripts/setup/pins.mjs';
import { checkPlatform, processorName } from '../../scripts/setup/platform.mjs';

const passed = { passed: true, sentence: '', library: '' };
const failed = { ...passed, passed: false };

/** A machine with a driver that shows a GPU, unless `fault` says why not. */
function machineWith(
  version: string | null,
  {
    verdict = null,
    fault = null,
    processor = 'x64',
  }: { verdict?: typeof passed | null; fault?: string | null; processor?: string } = {},
) {
  return {
    processor,
    readDriver: () => (version === null ? null : { version, gpus: ['Test GPU'] }),
    recallVerdict: () => verdict,
    findGpus: () => (fault === null ? { gpus: ['Test GPU'], fault } : { gpus: [] as [], fault }),
  };
}

describe('the choice of libtensorflow', () => {
  test.each([
    ['auto', null, 'cpu'],
    ['auto', '550.54.15', 'gpu'],
    ['auto', '470.82.01', 'cpu'],
    ['auto', '', 'gpu'],
    ['cpu', '550.54.15', 'cpu'],
    ['gpu', '550.54.15', 'gpu'],
    [undefined, null, 'cpu'],
  ] as const)('HAET_DEVICE=%s with NVIDIA driver %s is %s', (wish, driver, device) => {
    const env = { HAET_DEVICE: wish };
    expect(chooseDevice({ env, machine: machineWith(driver) }).device).toBe(device);
  });

  test.each([
    ['gpu', null, /no NVIDIA driver was found: install one .* or set HAET_DEVICE=cpu/],
    ['gpu', '470.82.01', /driver 470\.82\.01 is too old for CUDA 12: update it to 525/],
    ['tpu', null, /HAET_DEVICE is "tpu": set it to cpu, gpu or auto/],
  ] as const)('HAET_DEVICE=%s with driver %s is rejected in one sentence', (wish, driver, sentence) => {
    const choose = () => chooseDevice({ env: { HAET_DEVICE: wish }, machine: machineWith(driver) });
    expect(choose).toThrow(sentence);
  });

  test('auto uses the CPU and says why if the driver shows no GPU; HAET_DEVICE=gpu is then an error', () => {
    const machine = machineWith('550.54.15', {
      fault: 'the driver lists no GPU: start the container with one',
    });
    expect(chooseDevice({ env: {}, machine })).toEqual({
      device: 'cpu',
      note: 'An NVIDIA driver was found, but the CPU is used: the driver lists no GPU: start the container with one.',
      mayFallBack: false,
    });
    expect(() => chooseDevice({ env: { HAET_DEVICE: 'gpu' }, machine })).toThrow(
      /^HAET_DEVICE is gpu but the driver lists no GPU: start the container with one; or set HAET_DEVICE=cpu\.$/,
    );
  });

  test('auto uses the CPU without a word if the GPU failed before, and HAET_DEVICE=gpu tries again', () => {
    const machine = machineWith('550.54.15', { verdict: failed });
    const choice = { note: null, mayFallBack: false };
    expect(chooseDevice({ env: {}, machine })).toEqual({ device: 'cpu', ...choice });
    expect(chooseDevice({ env: { HAET_DEVICE: 'gpu' }, machine })).toEqual({ device: 'gpu', ...choice });
  });

  test('auto may fall back to the CPU, and HAET_DEVICE=gpu may not', () => {
    const machine = machineWith('550.54.15', { verdict: passed });
    expect(chooseDevice({ env: {}, machine })).toMatchObject({ device: 'gpu', mayFallBack: true });
    expect(chooseDevice({ env: { HAET_DEVICE: 'gpu' }, machine })).toMatchObject({ mayFallBack: false });
  });

  test('auto uses the CPU if the user hides all GPUs from CUDA', () => {
    for (const CUDA_VISIBLE_DEVICES of ['', '-1']) {
      const choice = chooseDevice({ env: { CUDA_VISIBLE_DEVICES }, machine: machineWith('550.54.15') });
      expect(choice).toEqual({ device: 'cpu', note: null, mayFallBack: false });
    }
    const env = { CUDA_VISIBLE_DEVICES: '1' };
    expect(chooseDevice({ env, machine: machineWith('550.54.15') }).device).toBe('gpu');
  });

  test('arm64 has no library for a GPU: auto uses the CPU and says so, and HAET_DEVICE=gpu is an error', () => {
    const machine = machineWith('550.54.15', { processor: 'arm64' });
    expect(chooseDevice({ env: {}, machine })).toEqual({
      device: 'cpu',
      note: 'An NVIDIA driver was found, but the CPU is used: there is no libtensorflow for GPUs on arm64.',
      mayFallBack: false,
    });
    const sentence =
      /^HAET_DEVICE is gpu but there is no libtensorflow for GPUs on arm64: set HAET_DEVICE=cpu\.$/;
    const env = { HAET_DEVICE: 'gpu' };
    expect(() => chooseDevice({ env, machine })).toThrow(sentence);
    expect(() => chooseDevice({ env, machine, gpuIsElsewhere: true })).toThrow(sentence);
    const nothing = machineWith(null, { processor: 'arm64' });
    expect(chooseDevice({ env: {}, machine: nothing })).toEqual({
      device: 'cpu',
      note: null,
      mayFallBack: false,
    });
    expect(() => chooseDevice({ env, machine: nothing })).toThrow(sentence);
  });

  test('pins of your own may name a library for GPUs on arm64', () => {
    const machine = machineWith('550.54.15', { processor: 'arm64' });
    expect(chooseDevice({ env: { HAET_SETUP_PINS: '/pins.json' }, machine }).device).toBe('gpu');
  });

  test.each([
    ['x64', 'tensorflow-cpu', 'x86_64'],
    ['arm64', 'tensorflow', 'aarch64'],
  ])(
    'the library of a CPU of %s is one wheel, pinned by version and checksum',
    (processor, name, platform) => {
      const { version, wheels } = pinnedLibrary('cpu', {}, processor);
      expect(wheels).toHaveLength(1);
      expect(wheels[0]).toMatchObject({ name, version, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect(wheels[0]?.file).toMatch(
        new RegExp(`-${version}-cp\\d+-cp\\d+-manylinux_\\d+_\\d+_${platform}\\.whl$`),
      );
    },
  );

  test('an image can be built for a GPU where none is', () => {
    const machine = machineWith(null);
    const env = { HAET_DEVICE: 'gpu' };
    expect(chooseDevice({ env, machine, gpuIsElsewhere: true }).device).toBe('gpu');
  });

  test('the GPU library is TensorFlow with the CUDA 12 wheels, all pinned by version and checksum', () => {
    const { wheels } = pinnedLibrary('gpu', {}, 'x64');
    expect(wheels[0]?.name).toBe('tensorflow');
    expect(wheels.slice(1).map(({ name }) => name)).toContain('nvidia-cudnn-cu12');
    for (const { version, sha256, file } of wheels) {
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(file).toContain(`-${version}-`);
    }
  });
});

describe('a machine without a pinned libtensorflow is rejected in one sentence:', () => {
  test.each([
    ['darwin', 'arm64', null, /this is darwin on arm64: use such a machine, a virtual one or a container/],
    ['linux', 'riscv64', '2.36', /for Linux on x86-64 and on arm64, and this is linux on riscv64/],
    ['linux', 'arm64', null, /needs glibc .* instead of Alpine/],
    ['linux', 'x64', null, /needs glibc .* instead of Alpine/],
    ['linux', 'x64', '2.17', /needs glibc 2\.27 or newer and this system has 2\.17/],
  ])('%s %s, glibc %s', (system, cpu, glibc, sentence) => {
    expect(() => checkPlatform({ system, cpu, glibc })).toThrow(sentence);
  });

  test.each(['x64', 'arm64'])('but not Linux on %s with a newer glibc', (cpu) => {
    expect(() => checkPlatform({ system: 'linux', cpu, glibc: '2.27' })).not.toThrow();
  });

  test('also where its library is asked for first', () => {
    expect(() => pinnedLibrary('cpu', {}, 'riscv64')).toThrow(
      /and this is \w+ on riscv64: use such a machine/,
    );
  });

  test('processors have the names that people use', () => {
    expect(['x64', 'arm64', 'riscv64'].map(processorName)).toEqual(['x86-64', 'arm64', 'riscv64']);
  });
});
