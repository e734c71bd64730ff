import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import { randomFromSecret } from './secretRandom.ts';

/** A stream of random numbers; the same seed gives the same stream on every machine. */
export type Random = RandomGenerator;

/** What a stream follows from: an integer, 0 to 2^32 - 1, which can be guessed, or a secret of 32 bytes. */
export type Seed = number | Uint8Array;

/** Seeds are 32-bit: two that differ only above that would give the same stream. */
export const MAX_SEED = 2 ** 32 - 1;

/** @throws RangeError for a seed that is neither an integer in 0..2^32-1 nor 32 bytes */
export function randomFrom(seed: Seed): Random {
  if (typeof seed !== 'number') return randomFromSecret(seed);
  if (!Number.isInteger(seed) || seed < 0 || seed > MAX_SEED) {
    throw new RangeError(`seed ${seed} is not an integer from 0 to ${MAX_SEED}`);
  }
  return xoroshiro128plus(seed);
}

/** Fisher-Yates shuffle, in place. Every order is equally likely. */
export function shuffle<T>(values: T[], random: Random): T[] {
  for (let last = values.length - 1; last > 0; last--) {
    const other = uniformInt(random, 0, last);
    [values[last], values[other]] = [values[other]!, values[last]!];
  }
  return values;
}
