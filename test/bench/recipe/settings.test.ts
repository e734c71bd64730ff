import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { defaultSettings } from '../../../submission/settings.ts';

test('the recipe in PyTorch has the settings of the submission', () => {
  const text = readFileSync('bench/recipe/pytorch/train.py', 'utf8');
  const constants = Object.fromEntries(
    [...text.matchAll(/^([A-Z_]+(?:, [A-Z_]+)*) = ([\d., ]+)$/gm)].flatMap(([, names, values]) => {
      const numbers = values!.split(', ').map(Number);
      return names!.split(', ').map((name, index) => [name, numbers[index]]);
    }),
  );
  const settings = defaultSettings;
  expect(constants).toEqual({
    BATCH: settings.batchSize,
    WARM_UP: settings.warmUp,
    MUON_RATE: settings.muonLearningRate,
    SGD_RATE: settings.peakLearningRate,
    CUTMIX_FROM_EPOCHS: settings.cutmixFromEpochs,
    CUTMIX_FULL_EPOCHS: settings.cutmixFullEpochs,
    DISTORT_FROM_EPOCHS: settings.distortFromEpochs,
    DISTORT_FULL_EPOCHS: settings.distortFullEpochs,
    STRONG_SHARE: settings.cutmixProbability,
    STRONG_UNTIL: settings.cutmixUntil,
    AVERAGE_HORIZON: settings.averageHorizon,
    AVERAGE_EVERY: settings.averageEvery,
    SAVE_EVERY_SECONDS: settings.saveEverySeconds,
    PREDICT_SECONDS: settings.predictSeconds,
    MOST_SHIFT: settings.testShift,
  });
  expect([settings.distortProbability, settings.distortUntil]).toEqual([
    constants.STRONG_SHARE,
    constants.STRONG_UNTIL,
  ]);
});
