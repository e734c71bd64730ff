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
