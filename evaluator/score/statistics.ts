import jStat from 'jstat';
import { mean, sampleStandardDeviation } from 'simple-statistics';

/**
 * Returns the Wilson score interval of a proportion (Wilson 1927, doi:10.1080/01621459.1927.10502953), both ends in
 * [0, 1].
 * @param total > 0
 * @param level two-sided, e.g. 0.95
 */
export function wilsonInterval(successes: number, total: number, level = 0.95): [number, number] {
  // simple-statistics' probit is not used, because it is off by 0.003 here.
  const z = jStat.normal.inv(1 - (1 - level) / 2, 0, 1);
  const p = successes / total;
  const z2 = z * z;
  const centre = (p + z2 / (2 * total)) / (1 + z2 / total);
  const half = (z / (1 + z2 / total)) * Math.sqrt((p * (1 - p)) / total + z2 / (4 * total * total));
  return [successes === 0 ? 0 : centre - half, successes === total ? 1 : centre + half];
}

export interface Spread {
  readonly n: number;
  readonly mean: number;
  /** Sample standard deviation (divisor n - 1); null for a single value. */
  readonly standardDeviation: number | null;
  /** 95 % interval of the mean by Student's t with n - 1 degrees of freedom; null for a single value. */
  readonly mean95: [number, number] | null;
}

/** Computes mean and spread of repeated runs, e.g. accuracy over seeds. */
export function spreadOf(values: readonly number[]): Spread {
  const all = [...values];
  const centre = mean(all);
  if (all.length < 2) return { n: all.length, mean: centre, standardDeviation: null, mean95: null };
  const deviation = sampleStandardDeviation(all);
  const half = (jStat.studentt.inv(0.975, all.length - 1) * deviation) / Math.sqrt(all.length);
  return {
    n: all.length,
    mean: centre,
    standardDeviation: deviation,
    mean95: [centre - half, centre + half],
  };
}
