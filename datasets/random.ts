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

/** Shuffles in place by a stream of random numbers. Every order is equally likely. */
export function shuffle<A extends MutableList>(values: A, random: Random): A {
  return shuffleBy(values, (limit) => uniformInt(random, 0, limit - 1));
}

/**
 * Shuffles in place (Fisher-Yates).
 * @param below draws an integer from 0 to `limit` - 1, each equally likely; `randomInt` of Node where nobody must be
 *   able to find the order again
 */
export function shuffleBy<A extends MutableList>(values: A, below: (limit: number) => number): A {
  const list: MutableList = values;
  for (let last = list.length - 1; last > 0; last--) {
    const other = below(last + 1);
    [list[last], list[other]] = [list[other], list[last]];
  }
  return values;
}

/** An array, or a typed array. */
interface MutableList {
  readonly length: number;
  [index: number]: unknown;
}
