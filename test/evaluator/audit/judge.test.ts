import { describe, expect, test } from '@jest/globals';
import { judgePermuted, judgeShuffled, type ScoredRun } from '../../../evaluator/audit/judge.ts';
import { score } from '../../../evaluator/score/score.ts';

const classes = Array.from({ length: 10 }, (_, label) => `class ${label}`);
const truth = Uint8Array.from({ length: 1000 }, (_, image) => image % 10);

/** Returns a run that predicts class `answer(label, i)` for image i. */
function run(answer: (label: number, image: number) => number): ScoredRun {
  const predicted = Array.from(truth, answer);
  const scores = new Float32Array(10_000);
  predicted.forEach((label, image) => {
    scores[image * 10 + label] = 1;
  });
  return {
    score: score(scores, truth, classes),
    right: predicted.map((label, image) => label === truth[image]),
  };
}

/** Predicts the label in `percent` of each hundred images; the others are wrong by a number of classes that varies. */
const good = (percent: number, offset = 0) =>
  run((label, image) => {
    const hundred = Math.floor(image / 10);
    return (hundred + offset) % 100 < percent ? label : (label + 1 + (hundred % 9)) % 10;
  });
const guessing = run((_, image) => Math.floor(image / 10) % 10);

describe('the shuffled control', () => {
  test('passes an entry that falls to chance', () => {
    const judgement = judgeShuffled(good(85), guessing, 1);
    expect(judgement).toMatchObject({ holds: true, statistic: 0.1 });
    expect(judgement.sentence).toMatch(
      /^trained on shuffled labels it reached 10\.0 %, which is consistent with chance: an honest entry reaches 1\d\.\d % or more in fewer than 1 in 1,000 such runs/,
    );
  });

  test('fails an entry that is still right, even for only one image in four', () => {
    for (const percent of [25, 85]) {
      const judgement = judgeShuffled(good(85), good(percent), 1);
      expect(judgement).toMatchObject({ holds: false, statistic: percent / 100 });
      expect(judgement.pValue).toBeLessThan(0.001);
      expect(judgement.sentence).toContain('did not contain');
    }
  });

  test('is inconclusive if the honest run is at or near chance, so that nothing can fall', () => {
    const luckyTwice = run((label) => (label < 2 ? label : 2 + ((label - 1) % 8)));
    for (const honest of [guessing, good(12), luckyTwice]) {
      const judgement = judgeShuffled(honest, guessing, 1);
      expect(judgement.holds).toBeNull();
      expect(judgement.sentence).toContain('too close to chance (10.0 %)');
    }
  });
});

describe('the permuted control', () => {
  test('passes an entry with about the same accuracy, also on other images', () => {
    expect(judgePermuted(good(85), good(82, 5), 1)).toMatchObject({ holds: true });
    expect(judgePermuted(good(85), good(90), 1)).toMatchObject({ holds: true });
  });

  test('fails an entry whose accuracy falls', () => {
    const judgement = judgePermuted(good(85), good(70), 1);
    expect(judgement.holds).toBe(false);
    expect(judgement.statistic).toBeCloseTo(0.15, 10);
    expect(judgement.sentence).toMatch(
      /^70\.0 % with class names permuted, 85\.0 % without: a drop of 15\.0 points, more than chance and training explain \(5\.0 points\)/,
    );
  });

  test('is inconclusive for an entry at chance', () => {
    expect(judgePermuted(guessing, guessing, 1)).toMatchObject({ holds: null, statistic: 0 });
  });
});
