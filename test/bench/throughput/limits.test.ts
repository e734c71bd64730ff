import { expect, test } from '@jest/globals';
import { bestLimits, rateLimit } from '../../../bench/throughput/limits.ts';

const work = { flops: 800e9, filteredFlops: 200e9, bytes: 20e9 };
const float32 = { unit: 'avx512 fma', precision: 'float32', flops: 400e9 } as const;
const pairs = { unit: 'vdpbf16ps', precision: 'bfloat16', flops: 800e9 } as const;
const tiles = { unit: 'amx bf16', precision: 'bfloat16', flops: 3200e9 } as const;
const bytes = 40e9;

test.each([
  [
    'float32, with the float32 unit',
    'float32',
    false,
    [float32, pairs, tiles],
    'avx512 fma',
    250 / (2 + 0.5),
  ],
  [
    'minimal filtering, with a quarter of the work',
    'float32',
    true,
    [float32, pairs],
    'avx512 fma',
    250 / (0.5 + 0.5),
  ],
  [
    'bfloat16, with the fastest unit',
    'bfloat16',
    false,
    [float32, pairs, tiles],
    'amx bf16',
    250 / (0.25 + 0.5),
  ],
  ['bfloat16 without tiles', 'bfloat16', false, [float32, pairs], 'vdpbf16ps', 250 / (1 + 0.5)],
  ['bfloat16 that the CPU emulates', 'bfloat16', false, [float32], 'avx512 fma', 250 / (2 + 0.5)],
] as const)('the limit of %s', (_, precision, filtered, units, unit, imagesPerSecond) => {
  const limit = rateLimit({ units, bytes }, { precision, filtered }, work, 250);
  expect(limit).toEqual({ unit, imagesPerSecond });
});

test('of several measurements the best of each unit and of memory counts', () => {
  const slower = { units: [{ ...float32, flops: 300e9 }, pairs], bytes: 41e9 };
  const other = { units: [float32, { ...pairs, flops: 700e9 }], bytes };
  expect(bestLimits([slower, other])).toEqual({ units: [float32, pairs], bytes: 41e9 });
});
