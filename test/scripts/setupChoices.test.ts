import { describe, expect, test } from '@jest/globals';
import { chooseDevice } from '../../scripts/setup/device.mjs';
import { cacheFolder } from '../../scripts/setup/paths.mjs';
import { pinnedLibrary } from '../../scripts/setup/pins.mjs';
import { checkPlatform } from '../../scripts/setup/platform.mjs';

const withDriver = (version: string | null) => ({ nvidiaDriver: () => version });

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
    expect(chooseDevice({ HAET_DEVICE: wish }, withDriver(driver))).toBe(device);
  });

  test.each([
    ['gpu', null, /no NVIDIA driver was found: install one .* or set HAET_DEVICE=cpu/],
    ['gpu', '470.82.01', /driver 470\.82\.01 is too old for CUDA 12: update it to 525/],
    ['tpu', null, /HAET_DEVICE is "tpu": set it to cpu, gpu or auto/],
  ] as const)('HAET_DEVICE=%s with driver %s is rejected in one sentence', (wish, driver, sentence) => {
    expect(() => chooseDevice({ HAET_DEVICE: wish }, withDriver(driver))).toThrow(sentence);
  });

  test('the GPU library is TensorFlow with the CUDA 12 wheels, all pinned by version and checksum', () => {
    const { wheels } = pinnedLibrary('gpu', {});
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
    ['linux', 'arm64', '2.36', /this is linux on arm64/],
    ['linux', 'x64', null, /needs glibc .* instead of Alpine/],
    ['linux', 'x64', '2.17', /needs glibc 2\.27 or newer and this system has 2\.17/],
  ])('%s %s, glibc %s', (system, cpu, glibc, sentence) => {
    expect(() => checkPlatform({ system, cpu, glibc })).toThrow(sentence);
  });

  test('accepts Linux on x86-64 with a newer glibc', () => {
    expect(() => checkPlatform({ system: 'linux', cpu: 'x64', glibc: '2.27' })).not.toThrow();
  });
});

test('the cache folder is HAET_CACHE, else XDG_CACHE_HOME/haet, else ~/.cache/haet', () => {
  expect(cacheFolder({ HAET_CACHE: '/a', XDG_CACHE_HOME: '/b', HOME: '/c' })).toBe('/a');
  expect(cacheFolder({ XDG_CACHE_HOME: '/b', HOME: '/c' })).toBe('/b/haet');
  expect(cacheFolder({ HOME: '/c' })).toBe('/c/.cache/haet');
});
