import { expect, test } from '@jest/globals';
import { requireTerms } from '../../cli/commitment.ts';
import { requireHeld } from '../../cli/requireOfficial.ts';
import type { ContestTerms } from '../../datasets/sealing/terms.ts';
import { UserError } from '../../datasets/userError.ts';
import { nothingHeld } from '../../evaluator/sandbox/holds.ts';
import { allHeld } from '../evaluator/fixtures.ts';

const messageOf = (act: () => void): string => {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as Error).message;
  }
  return 'nothing is refused';
};

test('accepts a sandbox that enforces limits, with or without a quota on its output folder', () => {
  expect(messageOf(() => requireHeld({ kind: 'docker', holds: { ...allHeld, output: false } }))).toBe(
    'nothing is refused',
  );
});

test.each([
  [
    'bubblewrap',
    { ...allHeld, memory: false, processes: false, cpus: false },
    /^--sandbox bubblewrap: does not enforce memory, the number of processes, CPU time on this machine, .* Run haet as root/,
  ],
  [
    'user',
    { ...allHeld, network: false },
    /^--sandbox user: does not enforce the network on this machine, .* with --network none/,
  ],
  ['process', nothingHeld, /Use bubblewrap or docker\.$/],
] as const)('rejects %s without its limits, with what to do', (kind, holds, message) => {
  expect(messageOf(() => requireHeld({ kind, holds }))).toMatch(message);
});

test('rejects terms that differ from the commitment, and names each', () => {
  const terms: ContestTerms = {
    trainSeconds: 600,
    predictSeconds: 60,
    cpus: 4,
    memoryBytes: 2 ** 33,
    processes: 1024,
    sandbox: 'docker',
    image: null,
    evaluator: { version: '0.1.0', commit: null },
  };
  const committed = { path: 'c.json', seeds: [1], terms };
  expect(messageOf(() => requireTerms(committed, { ...terms, image: `sha256:${'1'.repeat(64)}` }))).toBe(
    'nothing is refused',
  );
  expect(messageOf(() => requireTerms(committed, { ...terms, cpus: 2, sandbox: 'bubblewrap' }))).toBe(
    'c.json: the terms differ: 2 CPUs, but the commitment says 4 CPUs; the sandbox bubblewrap, but the commitment says the sandbox docker. Use the published terms.',
  );
});
