import { expect, test } from '@jest/globals';
import {
  type ContestTerms,
  compareTerms,
  describeTerms,
  type UsedTerms,
} from '../../../datasets/sealing/terms.ts';
import { terms } from './madeUpTerms.ts';

const faultsOf = (committed: ContestTerms, used: UsedTerms) =>
  compareTerms(committed, used).flatMap(({ fault }) => fault ?? []);

test('equal terms agree, and all are listed', () => {
  expect(faultsOf(terms, terms)).toEqual([]);
  expect(describeTerms(terms)).toBe(
    `600 s to train, 60 s to predict, 2 CPUs, 8589934592 bytes of memory, 1024 processes, the sandbox docker, the image ${terms.image}, haet 0.1.0, the evaluator's commit ${terms.evaluator.commit}`,
  );
});

test.each<[Partial<UsedTerms>, string]>([
  [{ trainSeconds: 900 }, '900 s to train, but the commitment says 600 s to train'],
  [{ predictSeconds: 61 }, '61 s to predict, but the commitment says 60 s to predict'],
  [{ cpus: 1 }, '1 CPU, but the commitment says 2 CPUs'],
  [{ memoryBytes: 1 }, '1 bytes of memory, but the commitment says 8589934592 bytes of memory'],
  [{ processes: 9 }, '9 processes, but the commitment says 1024 processes'],
  [{ sandbox: 'user' }, 'the sandbox user, but the commitment says the sandbox docker'],
  [{ image: null }, `no known image, but the commitment says the image ${terms.image}`],
  [{ evaluator: { ...terms.evaluator, version: '0.2.0' } }, 'haet 0.2.0, but the commitment says haet 0.1.0'],
  [
    { evaluator: { ...terms.evaluator, commit: null } },
    `no known evaluator commit, but the commitment says the evaluator's commit ${terms.evaluator.commit}`,
  ],
])('reports that %o differs, in one sentence', (change, says) => {
  expect(faultsOf(terms, { ...terms, ...change })).toEqual([says]);
});

test('image and commit are checked only if the commitment has them', () => {
  const open = { ...terms, image: null, evaluator: { version: '0.1.0', commit: null } };
  expect(faultsOf(open, terms)).toEqual([]);
});
