import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import { randomFromSecret } from './secretRandom.ts';

/** A stream of random numbers; a seed gives the same stream on every machine. */
export type Random = RandomGenerator;

/** Seed of a stream: an integer from 0 to 2^32 - 1, which can be guessed, or a 32-byte secret. */
export type Seed = number | Uint8Array;

/** Seeds have 32 bits; seeds that differ only in higher bits would give the same stream. */
export const MAX_SEED = 2 ** 32 - 1;

/**
 * Creates the random stream of a seed.
 * @throws RangeError for a seed that is neither an integer in 0..2^32-1 nor 32 bytes
 */
export function randomFrom(seed: Seed): Random {
  if (typeof seed !== 'number') return randomFromSecret(seed);
  if (!Number.isInteger(seed) || seed < 0 || seed > MAX_SEED) {
    throw new RangeError(`seed ${seed} is not an integer from 0 to ${MAX_SEED}`);
  }
  return xoroshiro128plus(seed);
}

/** Shuffles in place. Every order is equally likely. */
export function shuffle<A extends MutableList>(values: A, random: Random): A {
  return shuffleBy(values, (limit) => uniformInt(random, 0, limit - 1));
}

/**
 * Shuffles in place (Fisher-Yates).
 * @param below draws an integer from 0 to `limit` - 1, each equally likely; use Node's `randomInt` if nobody must be
 *   able to reproduce the order
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
