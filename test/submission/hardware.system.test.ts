import { describe, expect, test } from '@jest/globals';
import type { Path } from '../../submission/engine/engine.ts';
import { pathsFor, pathToPredict } from '../../submission/hardware.ts';

const native: Path = { engine: 'native', bfloat16: false };
const stock: Path = { engine: 'stock', bfloat16: false };
const inBfloat16: Path = { engine: 'stock', bfloat16: true };

describe('the paths of a machine', () => {
  test.each([
    ['CPU with AVX2', { bfloat16: false, native: true }, [native]],
    ['CPU with AMX', { bfloat16: true, native: true }, [native, inBfloat16]],
    [
      'GPU, or CPU with AMX and a runtime without native ops',
      { bfloat16: true, native: false },
      [inBfloat16],
    ],
    ['any other', { bfloat16: false, native: false }, [stock]],
  ])('without settings, for a %s', (_, machine, paths) => {
    expect(pathsFor({ engine: 'auto', precision: 'auto' }, machine)).toEqual(paths);
  });

  test.each([
    ['native', 'auto', native],
    ['native', 'float32', native],
    ['auto', 'float32', native],
    ['stock', 'float32', stock],
    ['stock', 'auto', inBfloat16],
    ['stock', 'bfloat16', inBfloat16],
    ['auto', 'bfloat16', inBfloat16],
  ])('are a single one if engine=%s and precision=%s select it', (engine, precision, path) => {
    expect(pathsFor({ engine, precision }, { bfloat16: true, native: true })).toEqual([path]);
  });

  test('rejects invalid or conflicting settings by name', () => {
    expect(() => pathsFor({ engine: 'cuda', precision: 'auto' })).toThrow(
      'engine="cuda": must be native, stock or auto',
    );
    expect(() => pathsFor({ engine: 'auto', precision: 'half' })).toThrow(
      'precision="half": must be bfloat16, float32 or auto',
    );
    expect(() => pathsFor({ engine: 'native', precision: 'bfloat16' })).toThrow('Set precision=float32 too');
  });

  test('predictions are computed like training, with TensorFlow if this machine has no native ops', () => {
    const [with_, without] = [true, false].map((native) => ({ bfloat16: true, native }));
    expect(pathToPredict(native, with_)).toEqual(native);
    expect(pathToPredict(native, without)).toEqual(stock);
    for (const path of [stock, inBfloat16]) expect(pathToPredict(path, with_)).toEqual(path);
  });
});
