import type { ContestTerms } from '../../../datasets/sealing/terms.ts';

/** Terms with every field set. */
export const terms: ContestTerms = {
  trainSeconds: 600,
  predictSeconds: 60,
  cpus: 2,
  memoryBytes: 2 ** 33,
  processes: 1024,
  sandbox: 'docker',
  image: `sha256:${'1'.repeat(64)}`,
  evaluator: { version: '0.1.0', commit: 'c'.repeat(40) },
};
