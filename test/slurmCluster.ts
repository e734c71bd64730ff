import { describe, test } from '@jest/globals';
import { whyNoCluster } from '../bench/slurmCluster.ts';

export { type SlurmCluster, startCluster, until } from '../bench/slurmCluster.ts';

/** Describes tests that need a cluster: skipped with the reason, or failed if HAET_EVERY_SANDBOX requires it. */
export function describeWithSlurm(title: string, tests: () => void): void {
  const missing = whyNoCluster();
  if (missing === null) describe(title, tests);
  else if (process.env.HAET_EVERY_SANDBOX) {
    test(title, () => {
      throw new Error(missing);
    });
  } else describe.skip(`${title} (skipped: ${missing})`, tests);
}
