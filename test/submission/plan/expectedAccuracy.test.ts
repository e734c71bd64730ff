import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { expectedAccuracy } from '../../../submission/plan/expectedAccuracy.ts';

/** What Muon and mirror-equivariant filters add, points. */
const MUON = 0.8;

/** Measured accuracies, percent (docs/performance.md): most with SGD. */
test.each([
  [0.25, 26, 83.3],
  [0.375, 72, 85.8 + MUON],
  [0.5, 48, 85.7 + MUON],
  [0.5, 54, 86.2 + MUON],
  [0.5, 131, 86.5 + MUON],
  [0.75, 25, 84.8 + MUON],
  [0.75, 54, 87.6 + MUON],
  [0.75, 68, 88.2],
  [0.75, 80, 87.5 + MUON],
  [1, 41, 86.7 + MUON],
  [1, 112, 87.3 + MUON],
])('is near the measured accuracy of width %d after %d epochs', (width, epochs, measured) => {
  expect(Math.abs(expectedAccuracy(width, epochs) - measured)).toBeLessThan(0.7);
});

test('rises with the epochs, and changes little with a little more of either', () => {
  const width = fc.double({ min: 0.1, max: 3, noNaN: true });
  const epochs = fc.double({ min: 20, max: 1000, noNaN: true });
  fc.assert(
    fc.property(width, epochs, (width, epochs) => {
      const accuracy = expectedAccuracy(width, epochs);
      const later = expectedAccuracy(width, 1.01 * epochs);
      expect(later).toBeGreaterThan(accuracy);
      expect(later).toBeLessThan(accuracy + 0.3);
      expect(Math.abs(expectedAccuracy(1.01 * width, epochs) - accuracy)).toBeLessThan(0.2);
    }),
  );
});
