import { Option } from 'commander';
import { usualMostDisturbance } from '../evaluator/machine/contention.ts';
import { lockMachine } from '../evaluator/machine/machineLock.ts';
import { numberOption } from './options/numberOption.ts';

/** `--most-disturbance`: what others may use of the CPUs during a stage. */
export function mostDisturbanceOption(): Option {
  return new Option(
    '--most-disturbance <percent>',
    'what others may use of the CPUs given, over a stage, before a run counts as disturbed',
  )
    .argParser(numberOption({ min: 0, max: 100 }))
    .default(100 * usualMostDisturbance);
}

/**
 * Takes the lock of this machine for a timed run; says so where there is none to be had.
 * @throws UserError when another process holds it
 */
export function lockForTiming(tell: (sentence: string) => void): () => void {
  const lock = lockMachine();
  if (typeof lock === 'function') return lock;
  tell(`This machine is not locked (${lock.fault}): see to it that no other run is timed on it meanwhile.`);
  return () => {};
}
