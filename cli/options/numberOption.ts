import { InvalidArgumentError } from 'commander';
import { MOST_SEED } from '../../datasets/sealing/commitment.ts';

/** Parses a number option. The message says what is expected; commander adds the option's name. */
export function numberOption(range: {
  min: number;
  max: number;
  integer?: boolean;
}): (text: string) => number {
  const kind = range.integer ? 'an integer' : 'a number';
  return (text) => {
    const value = Number(text);
    const fits = text.trim() !== '' && value >= range.min && value <= range.max;
    if (fits && (!range.integer || Number.isInteger(value))) return value;
    throw new InvalidArgumentError(`Expected ${kind} from ${range.min} to ${range.max}.`);
  };
}

export const integer = (min: number, max: number) => numberOption({ min, max, integer: true });
/** A number of CPUs. */
export const cpuCount = integer(1, 4096);
/** A number of bytes. */
export const byteCount = integer(1, Number.MAX_SAFE_INTEGER);
/** Seed of a run. */
export const runSeed = integer(0, MOST_SEED);
/** Limit of a stage, up to one day. */
export const stageSeconds = numberOption({ min: 0.001, max: 86_400 });
