import { expect, test } from '@jest/globals';
import { type Band, imagesPerSecondOf, whyOut } from '../../../../evaluator/grade/canary/band.ts';
import type { RunRecord } from '../../../../evaluator/run/record.ts';
import { type Made, madeUpRecord } from '../madeUpRecord.ts';

/** A run on 20 training images, 850 of 1000 right. */
const ran = (made: Made = {}, epoch?: number): RunRecord => ({
  ...madeUpRecord(made),
  progress: { lines: 3, rejected: 0, last: epoch === undefined ? null : { step: 9, epoch } },
});
const band: Band = { accuracy: { low: 0.8, high: 0.9 }, imagesPerSecond: { low: 1, high: 4 } };

test('images per second are epochs × training images / seconds of the train stage, whatever the entry says of its speed', () => {
  expect(imagesPerSecondOf(ran({ trainSeconds: 100 }, 12.5))).toBe(2.5);
  const boasting = {
    ...ran(),
    progress: { lines: 1, rejected: 0, last: { step: 1, epoch: 1, imagesPerSecond: 9e9 } },
  };
  expect(imagesPerSecondOf(boasting)).toBe(0.2);
});

test('an entry that tells no progress counts as one epoch, and one that did not train has no speed', () => {
  expect(imagesPerSecondOf(ran({ trainSeconds: 10 }))).toBe(2);
  expect(imagesPerSecondOf(ran({ trainSeconds: 10 }, 0))).toBe(2);
  expect(imagesPerSecondOf({ ...ran(), stages: [] })).toBe(null);
});

test.each<[string, RunRecord, string | null]>([
  ['in the band', ran({ trainSeconds: 10 }), null],
  ['at its ends', ran({ trainSeconds: 20, correct: 900 }), null],
  ['slow', ran({ trainSeconds: 100 }), 'its canary trained on 0.2 images per second, expected 1 to 4'],
  ['too fast', ran({ trainSeconds: 2 }), 'its canary trained on 10 images per second, expected 1 to 4'],
  [
    'inaccurate',
    ran({ trainSeconds: 10, correct: 799 }),
    'its canary scored 79.90 %, expected 80.00 % to 90.00 %',
  ],
  [
    'too accurate',
    ran({ trainSeconds: 10, correct: 901 }),
    'its canary scored 90.10 %, expected 80.00 % to 90.00 %',
  ],
  ['stopped early and scored', ran({ trainSeconds: 10, verdict: 'SCORED_SALVAGED' }), null],
  ['crashed', ran({ trainSeconds: 10, verdict: 'CRASHED' }), 'its canary ended in CRASHED'],
  ['a fault', ran({ trainSeconds: 10, verdict: 'INFRA_FAULT' }), 'its canary ended in INFRA_FAULT'],
])('a canary that is %s', (_, record, why) => {
  expect(whyOut(record, band)).toBe(why);
});

test('what has no band is not judged, and no accuracy is before the run is scored', () => {
  const low = ran({ trainSeconds: 10, correct: 1 });
  expect(whyOut(low, { accuracy: null, imagesPerSecond: band.imagesPerSecond })).toBe(null);
  expect(whyOut({ ...low, score: null }, band)).toBe(null);
  expect(whyOut(ran({ trainSeconds: 1e-3 }), { accuracy: band.accuracy, imagesPerSecond: null })).toBe(null);
});

test('a band may be open on one side', () => {
  const slow = ran({ trainSeconds: 100 });
  const atLeast = { accuracy: null, imagesPerSecond: { low: 1, high: null } };
  expect(whyOut(slow, atLeast)).toBe('its canary trained on 0.2 images per second, expected at least 1');
  expect(whyOut(ran({ trainSeconds: 1e-3 }), atLeast)).toBe(null);
  const atMost = { accuracy: { low: null, high: 0.5 }, imagesPerSecond: null };
  expect(whyOut(slow, atMost)).toBe('its canary scored 85.00 %, expected at most 50.00 %');
});
