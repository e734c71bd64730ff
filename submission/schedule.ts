import type { Settings } from './settings.ts';

/**
 * Returns the learning rate: rises linearly from 0 to the peak, then falls linearly (Page's triangle). It follows
 * elapsed time, not steps, so that every machine completes the schedule.
 *
 * @param fraction elapsed share of the budget, 0 to 1
 */
export function learningRate(
  fraction: number,
  settings: Pick<Settings, 'peakLearningRate' | 'finalLearningRate' | 'warmUp'>,
): number {
  const { peakLearningRate, finalLearningRate, warmUp } = settings;
  if (fraction < warmUp) return (peakLearningRate * fraction) / warmUp;
  const descent = Math.min((fraction - warmUp) / (1 - warmUp), 1);
  return peakLearningRate * (1 - descent * (1 - finalLearningRate));
}

/** Returns whether sharpness-aware minimisation is on at this step. */
export function usesSam(
  step: number,
  fraction: number,
  settings: Pick<Settings, 'samEvery' | 'samFrom'>,
): boolean {
  return settings.samEvery > 0 && fraction >= settings.samFrom && step % settings.samEvery === 0;
}

/**
 * Returns the share of the budget that is left, counted by the steps that fit: less than the time that is left if some
 * steps compute two gradients for sharpness-aware minimisation, as if the others had the whole rest.
 *
 * @param fraction elapsed share of the budget
 */
export function plainShare(
  fraction: number,
  { samEvery, samFrom }: Pick<Settings, 'samEvery' | 'samFrom'>,
): number {
  if (samEvery === 0) return 1 - fraction;
  const withSam = 1 - Math.max(fraction, samFrom);
  const gradientsPerStep = 1 + 1 / samEvery;
  return 1 - fraction - withSam + withSam / gradientsPerStep;
}
