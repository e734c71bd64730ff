import { Option } from 'commander';
import { usualMostDisturbance } from '../evaluator/machine/contention.ts';
import { lockMachine } from '../evaluator/machine/machineLock.ts';
import { numberOption } from './options/numberOption.ts';

/** `--most-disturbance`: share of the CPUs that other work may use during a stage. */
export function mostDisturbanceOption(): Option {
  return new Option(
    '--most-disturbance <percent>',
    'share of the CPUs, in percent, that other work may use during a stage before the run counts as disturbed; 100 for no limit',
  )
    .argParser(numberOption({ min: 0, max: 100 }))
    .default(100 * usualMostDisturbance);
}

/**
 * Takes the machine lock for a timed run; warns if locking is not possible.
 * @throws UserError if another process holds it
 */
export function lockForTiming(tell: (sentence: string) => void): () => void {
  const lock = lockMachine();
  if (typeof lock === 'function') return lock;
  tell(`This machine could not be locked (${lock.fault}). Make sure that no other timed run is started.`);
  return () => {};
}
