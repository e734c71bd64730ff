import type { Clock } from './clock.ts';
import type { Settings } from './settings.ts';

/** What ends training and what its schedule follows. */
export interface Budget {
  /** Share of the budget that is used up, 0 to 1. */
  fraction(): number;
  /** Whether another step belongs to the budget. @throws Error if the time limit leaves no room for it */
  allowsStep(): boolean;
}

/**
 * Creates the budget of a run: the time of the stage, as in the contest, or `settings.trainEpochs`. With epochs the result
 * does not depend on the speed of the machine, so variants can be compared while it does other work.
 *
 * @param epochs passes over the training set done so far
 */
export function createBudget(
  clock: Pick<Clock, 'fraction' | 'allowsStep' | 'elapsed'>,
  settings: Pick<Settings, 'trainEpochs'>,
  epochs: () => number,
): Budget {
  const wanted = settings.trainEpochs;
  if (wanted <= 0) return clock;
  return {
    fraction: () => Math.min(epochs() / wanted, 1),
    allowsStep() {
      if (epochs() >= wanted) return false;
      if (clock.allowsStep()) return true;
      throw new Error(
        `The time of the stage is used up after ${epochs().toFixed(1)} of ${wanted} epochs (${clock.elapsed().toFixed(0)} s). Give more time or fewer epochs.`,
      );
    },
  };
}

/** @throws Error if the settings of the budget do not fit together */
export function requireBudget({ trainEpochs, width }: Pick<Settings, 'trainEpochs' | 'width'>): void {
  if (trainEpochs < 0)
    throw new Error(`--set trainEpochs=${trainEpochs}: must be 0 (train by the clock) or more.`);
  if (trainEpochs > 0 && width <= 0) {
    throw new Error(
      `--set trainEpochs=${trainEpochs}: needs a width, because none can be chosen by time. Add --set width=0.5, for example.`,
    );
  }
}
