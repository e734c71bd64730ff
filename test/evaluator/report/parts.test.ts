import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bytes, count, duration, percent } from '../../../evaluator/report/format.ts';
import { thinOut } from '../../../evaluator/report/learningCurves.ts';
import { mostConfidentMistakes } from '../../../evaluator/report/mistakes.ts';
import { settingsRows } from '../../../evaluator/report/settings.ts';

describe('the most confident mistakes', () => {
  const scores = Float32Array.from([
    ...[5, 0, 0], // right
    ...[0, 3, 0], // wrong, sure
    ...[1, 0, 0], // wrong, unsure
    ...[2, 2, 0], // a tie: the lowest index wins, so right
  ]);
  const labels = Uint8Array.from([0, 2, 1, 0]);

  test('are ordered by softmax confidence, with that of the true class', () => {
    const mistakes = mostConfidentMistakes(scores, labels, 3, 10);
    expect(mistakes.map(({ index, truth, predicted }) => [index, truth, predicted])).toEqual([
      [1, 2, 1],
      [2, 1, 0],
    ]);
    expect(mistakes[0]!.confidence).toBeCloseTo(Math.exp(3) / (Math.exp(3) + 2), 6);
    expect(mistakes[0]!.truthConfidence).toBeCloseTo(1 / (Math.exp(3) + 2), 6);
  });

  test('are at most as many as requested', () => {
    expect(mostConfidentMistakes(scores, labels, 3, 1)).toHaveLength(1);
  });

  test('have confidences from 0 to 1 for any finite scores', () => {
    const anyScore = fc.float({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.array(anyScore, { minLength: 12, maxLength: 12 }), (values) => {
        for (const mistake of mostConfidentMistakes(Float32Array.from(values), labels, 3, 10)) {
          expect(mistake.confidence).toBeGreaterThanOrEqual(mistake.truthConfidence);
          expect(mistake.confidence).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

test('downsampling keeps order, range and the maximum of points', () => {
  const point = fc.record({ atSeconds: fc.integer({ min: 0, max: 600 }), value: fc.integer() });
  fc.assert(
    fc.property(fc.array(point, { maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (points, limit) => {
      const sorted = points.sort((a, b) => a.atSeconds - b.atSeconds);
      const thin = thinOut(sorted, limit);
      expect(thin.length).toBeLessThanOrEqual(Math.max(limit, 0));
      expect(thin.length > 0).toBe(points.length > 0);
      for (let at = 1; at < thin.length; at++) {
        expect(thin[at]!.atSeconds).toBeGreaterThanOrEqual(thin[at - 1]!.atSeconds);
      }
    }),
  );
});

test('nested settings get dotted names; anything but an object of settings is kept as it is', () => {
  expect(settingsRows('{"a": {"b": 1, "c": [1, 2]}, "d": "x", "e": null}')).toEqual([
    ['a.b', '1'],
    ['a.c', '[1,2]'],
    ['d', 'x'],
    ['e', 'null'],
  ]);
  expect(settingsRows(`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`)).toEqual([]);
  expect(settingsRows('a = 1')).toBeNull();
  expect(settingsRows('[1]')).toBeNull();
  expect(
    settingsRows(JSON.stringify(Object.fromEntries(Array.from({ length: 201 }, (_, at) => [at, 0])))),
  ).toBeNull();
});

test('numbers are formatted for people', () => {
  expect(percent(0.8731)).toBe('87.3\u202f%');
  expect([0.0123, 4.321, 600, 7500].map(duration)).toEqual(['12 ms', '4.32 s', '600.0 s', '2 h 5 min']);
  expect([0, 1023, 1536, 8 * 2 ** 30, 200 * 2 ** 30].map(bytes)).toEqual([
    '0 B',
    '1023 B',
    '1.5 KiB',
    '8.0 GiB',
    '200 GiB',
  ]);
  expect([0, 999, 5000, 1234567].map(count)).toEqual(['0', '999', '5\u202f000', '1\u202f234\u202f567']);
});
