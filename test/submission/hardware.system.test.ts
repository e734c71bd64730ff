import { describe, expect, test } from '@jest/globals';
import type { Path } from '../../submission/engine/engine.ts';
import { pathsFor, pathToPredict } from '../../submission/hardware.ts';

const avx512bf16: Path = { engine: 'native-avx512bf16', bfloat16: true };
const avx512: Path = { engine: 'native-avx512', bfloat16: false };
const avx2: Path = { engine: 'native-avx2', bfloat16: false };
const neon: Path = { engine: 'native-neon', bfloat16: false };
const stock: Path = { engine: 'stock', bfloat16: false };
const inBfloat16: Path = { engine: 'stock', bfloat16: true };

const ofAvx2 = { bfloat16: false, native: ['avx2'] } as const;
const ofAvx512 = { bfloat16: true, native: ['avx512', 'avx2'] } as const;
const ofAvx512Bfloat16 = { bfloat16: true, native: ['avx512bf16', 'avx512', 'avx2'] } as const;
const ofNeon = { bfloat16: false, native: ['neon'] } as const;
const ofNone = { bfloat16: true, native: [] } as const;

describe('the paths of a machine', () => {
  test.each([
    ['CPU with AVX2', ofAvx2, [avx2]],
    ['CPU with AVX-512 and the bfloat16 of AMX', ofAvx512, [avx512, avx2, inBfloat16]],
    ['CPU with AVX-512 and its bfloat16', ofAvx512Bfloat16, [avx512bf16, avx512, avx2, inBfloat16]],
    ['CPU with NEON', ofNeon, [neon]],
    ['GPU, or CPU with AMX and a runtime without native ops', ofNone, [inBfloat16]],
    ['any other', { bfloat16: false, native: [] }, [stock]],
  ])('without settings, for a %s', (_, machine, paths) => {
    expect(pathsFor({ engine: 'auto', precision: 'auto' }, machine)).toEqual(paths);
  });

  test.each([
    ['native', 'auto', [avx512bf16, avx512, avx2]],
    ['native', 'bfloat16', [avx512bf16]],
    ['native-avx512bf16', 'auto', [avx512bf16]],
    ['native-avx512bf16', 'bfloat16', [avx512bf16]],
    ['native', 'float32', [avx512, avx2]],
    ['native-avx512', 'auto', [avx512]],
    ['native-avx2', 'float32', [avx2]],
    ['auto', 'float32', [avx512, avx2]],
    ['stock', 'float32', [stock]],
    ['stock', 'auto', [inBfloat16]],
    ['stock', 'bfloat16', [inBfloat16]],
    ['auto', 'bfloat16', [avx512bf16, inBfloat16]],
    ['auto', 'auto', [avx512bf16, avx512, avx2, inBfloat16]],
  ])('are those that engine=%s and precision=%s allow', (engine, precision, paths) => {
    expect(pathsFor({ engine, precision }, ofAvx512Bfloat16)).toEqual(paths);
  });

  test('rejects invalid or conflicting settings by name', () => {
    expect(() => pathsFor({ engine: 'cuda', precision: 'auto' })).toThrow(
      'engine="cuda": must be one of auto, native, native-avx512bf16, native-avx512, native-avx2, native-neon, stock',
    );
    expect(() => pathsFor({ engine: 'auto', precision: 'half' })).toThrow(
      'precision="half": must be bfloat16, float32 or auto',
    );
    for (const [engine, precision] of [
      ['native', 'bfloat16'],
      ['native-avx2', 'bfloat16'],
    ] as const) {
      expect(() => pathsFor({ engine, precision }, ofAvx512)).toThrow(
        `engine=${engine} does not compute in ${precision} on this machine. Set precision=auto or engine=auto.`,
      );
    }
    expect(() => pathsFor({ engine: 'native-avx512bf16', precision: 'float32' }, ofAvx512Bfloat16)).toThrow(
      'engine=native-avx512bf16 does not compute in float32',
    );
  });

  test('rejects native ops that this machine cannot run, and says which it can', () => {
    expect(() => pathsFor({ engine: 'native-avx512', precision: 'auto' }, ofAvx2)).toThrow(
      'engine=native-avx512: this machine runs native-avx2 of the native ops. Set engine=auto.',
    );
    expect(() => pathsFor({ engine: 'native', precision: 'auto' }, ofNone)).toThrow('this machine runs none');
  });

  test('predictions are computed like training, with other ops if this machine lacks those of the model', () => {
    expect(pathToPredict(avx512, ofAvx512)).toEqual(avx512);
    expect(pathToPredict(avx2, ofAvx512)).toEqual(avx2);
    expect(pathToPredict(avx512, ofAvx2)).toEqual(avx2);
    expect(pathToPredict(neon, ofAvx2)).toEqual(avx2);
    expect(pathToPredict(avx512, ofNeon)).toEqual(neon);
    expect(pathToPredict(avx2, ofNone)).toEqual(stock);
    expect(pathToPredict(avx512bf16, ofAvx512Bfloat16)).toEqual(avx512bf16);
    expect(pathToPredict(avx512bf16, ofAvx512)).toEqual(avx512);
    expect(pathToPredict(avx512bf16, ofNone)).toEqual(stock);
    for (const path of [stock, inBfloat16]) expect(pathToPredict(path, ofAvx512)).toEqual(path);
  });
});
