import type { Settings } from '../settings.ts';

/** @throws Error if a setting of Muon is none of its values */
export function requireOptimizer({
  optimizer,
  muonLearningRate,
  muonMomentum,
  muonWeightDecay,
  muonIterations,
}: Pick<
  Settings,
  'optimizer' | 'muonLearningRate' | 'muonMomentum' | 'muonWeightDecay' | 'muonIterations'
>): void {
  if (optimizer !== 'sgd' && optimizer !== 'muon')
    throw new Error(`--set optimizer=${optimizer}: must be sgd or muon.`);
  if (muonLearningRate < 0) throw new Error(`--set muonLearningRate=${muonLearningRate}: must be 0 or more.`);
  if (muonMomentum < 0 || muonMomentum >= 1)
    throw new Error(`--set muonMomentum=${muonMomentum}: must be from 0 to less than 1.`);
  if (muonWeightDecay < 0) throw new Error(`--set muonWeightDecay=${muonWeightDecay}: must be 0 or more.`);
  if (!Number.isInteger(muonIterations) || muonIterations < 1 || muonIterations > 10)
    throw new Error(`--set muonIterations=${muonIterations}: must be an integer from 1 to 10.`);
}
