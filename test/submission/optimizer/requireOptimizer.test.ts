import { expect, test } from '@jest/globals';
import { requireOptimizer } from '../../../submission/optimizer/requireOptimizer.ts';
import { defaultSettings } from '../../../submission/settings.ts';

test('the default settings and those of Muon are accepted', () => {
  requireOptimizer(defaultSettings);
  requireOptimizer({ ...defaultSettings, optimizer: 'muon', muonMomentum: 0.6, muonIterations: 3 });
});

test.each([
  ['optimizer', 'adam', 'optimizer=adam: must be sgd or muon'],
  ['muonLearningRate', -1, 'muonLearningRate=-1: must be 0 or more'],
  ['muonMomentum', 1, 'muonMomentum=1: must be from 0 to less than 1'],
  ['muonWeightDecay', -0.1, 'muonWeightDecay=-0.1: must be 0 or more'],
  ['muonIterations', 2.5, 'muonIterations=2.5: must be an integer from 1 to 10'],
])('%s=%s is rejected', (name, value, message) => {
  expect(() => requireOptimizer({ ...defaultSettings, [name]: value })).toThrow(message);
});
