import { describe, expect, test } from '@jest/globals';
import { compareRows, disagreementOf } from '../../../evaluator/run/rowsAgree.ts';

const chosen = Uint32Array.of(1, 0, 1);
const first = Float32Array.of(0, 10, 5, 20, 0, 10);
const compare = (...second: number[]) => compareRows(first, Float32Array.from(second), chosen, 3);

describe('a row of the second run', () => {
  test('is compared with the row of its own image', () => {
    expect(compare(20, 0, 10, 0, 10, 5, 20, 0, 10)).toEqual({ rows: 3, differing: 0, largestDifference: 0 });
    expect(compare(0, 10, 5, 20, 0, 10, 20, 0, 10).differing).toBe(2);
  });

  test('may differ by a twentieth of the range of its row', () => {
    expect(compare(19.1, 0, 10, 0, 10, 5, 20, 0, 10)).toMatchObject({ differing: 0 });
    const beyond = compare(18.9, 0, 10, 0, 10, 5, 20, 0, 10);
    expect(beyond.differing).toBe(1);
    expect(beyond.largestDifference).toBeCloseTo(0.055);
  });

  test('differs if another class is on top, however wide a single score makes the range', () => {
    const wide = Float32Array.of(1, 0, -1e30);
    expect(compareRows(wide, Float32Array.of(0.5, 0, -1e30), Uint32Array.of(0), 3).differing).toBe(0);
    expect(compareRows(wide, Float32Array.of(0, 0.5, -1e30), Uint32Array.of(0), 3).differing).toBe(1);
  });

  test('differs however wide the range is: a range beyond float64 hides no difference', () => {
    const wide = Float64Array.of(1.7e308, 0, -1.7e308);
    const by = (after: number) => compareRows(wide, Float64Array.of(1.7e308, 0, after), Uint32Array.of(0), 3);
    expect(by(-1.7e308)).toMatchObject({ differing: 0, largestDifference: 0 });
    expect(by(-1.3e308).differing).toBe(1);
    expect(by(1.6e308).largestDifference).toBeCloseTo(33 / 34);
  });

  test('of equal scores must be the same', () => {
    const equal = Float32Array.of(2, 2, 2);
    expect(compareRows(equal, equal, Uint32Array.of(0), 3)).toMatchObject({ differing: 0 });
    expect(compareRows(equal, Float32Array.of(2, 2, 1.999), Uint32Array.of(0), 3)).toMatchObject({
      differing: 1,
      largestDifference: Number.POSITIVE_INFINITY,
    });
  });
});

describe('the sentence', () => {
  const sentence = (rows: number, differing: number, largestDifference = 0.874) =>
    disagreementOf({ rows, differing, largestDifference });

  test('is returned if more than 2 % of the rows differ, and more than one', () => {
    expect(sentence(1000, 20)).toBeNull();
    expect(sentence(1000, 21)).toMatch(/21 of 1000 rows .* \(at most 20 may differ\)/);
    expect(sentence(20, 1)).toBeNull();
    expect(sentence(20, 2)).toMatch(/2 of 20 rows .* \(at most 1 may differ\)/);
  });

  test('states the largest difference in percent, and no number that an entry could choose freely', () => {
    expect(sentence(1000, 500)).toMatch(/largest difference 87 % of a row's range$/);
    expect(sentence(1000, 500, 1e30)).toMatch(/largest difference over 100 % of a row's range$/);
    expect(sentence(1000, 500, Number.POSITIVE_INFINITY)).toMatch(/difference over 100 %/);
  });
});
