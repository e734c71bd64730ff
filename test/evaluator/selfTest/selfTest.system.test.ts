import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { PageCache } from '../../../evaluator/sandbox/linux/pageCache.ts';
import { createProcessSandbox } from '../../../evaluator/sandbox/process/process.ts';
import type { Sandbox } from '../../../evaluator/sandbox/sandbox.ts';
import { type Attack, corpusFolder, readAttack } from '../../../evaluator/selfTest/attack.ts';
import { openSelfTest, type SelfTest } from '../../../evaluator/selfTest/selfTest.ts';
import { processesWith } from '../fixtures.ts';

/**
 * A sandbox that claims to enforce everything and enforces nothing. The attacks that these tests run in it do no harm.
 */
let selfTest: SelfTest;
beforeAll(async () => {
  const sandbox: Sandbox = { ...(await createProcessSandbox('tree')), kind: 'bubblewrap' };
  selfTest = await openSelfTest(sandbox);
});
afterAll(() => selfTest.close());

test('the page cache is dropped before each stage of the attack that tests this, and of no other', async () => {
  let cleared = 0;
  const pageCache: PageCache = {
    contains: 'A page cache whose clearing is counted.',
    complete: true,
    clear: async () => {
      cleared += 1;
    },
  };
  const counting = await openSelfTest({
    ...(await createProcessSandbox('tree')),
    kind: 'bubblewrap',
    pageCache,
  });
  try {
    await counting.run(await readAttack(corpusFolder, 'fails-after-saving'));
    expect(cleared).toBe(0);
    await counting.run(await readAttack(corpusFolder, 'page-cache'));
    expect(cleared).toBe(6); // two runs of train, predict and predict-again
  } finally {
    await counting.close();
  }
});

const run = async (name: string, change: Partial<Attack> = {}) =>
  selfTest.run({ ...(await readAttack(corpusFolder, name)), ...change });

test.each([
  ['reads-labels', 'track/labels.npy'],
  ['reads-identity', 'canary/identity.txt'],
  ['reads-previous-output', '-honest-s1'],
  ['reads-proc', 'environ of'],
  ['network-tcp', 'reached by TCP'],
  ['network-udp', 'reached by UDP'],
  ['network-dns', 'reached by UDP'],
  ['network-unix-socket', 'reached by a unix socket'],
  ['network-abstract-socket', 'reached by an abstract socket'],
  ['traces-evaluator', 'open the memory of process'],
  ['predict-trains-on', 'write a better model'],
])('the self-test detects that nothing enforces %s', async (name, said) => {
  // The only one that needs an earlier run.
  if (name === 'reads-previous-output') {
    expect(await run('honest')).toMatchObject({ ok: true, problems: [], verdict: 'SCORED' });
  }
  const result = await run(name);
  expect(result.ok).toBe(false);
  expect(result.problems.join('\n')).toContain('it got through: ');
  expect(result.problems.join('\n')).toContain(said);
});

test('the self-test finds and kills a process that outlived its stage', async () => {
  const result = await run('outlives-parent-unmarked');
  expect(result.problems).toEqual([expect.stringMatching(/^still running: \d+ sh -c .*outlives-parent/)]);
  expect(processesWith('outlives-parent-unmarked')).toEqual([]);
});

test('an unexpected verdict, owner or evidence is a problem', async () => {
  const wrong = await run('exits-with-nothing', { expected: { verdicts: ['SCORED'], owner: 'contestant' } });
  expect(wrong).toMatchObject({ ok: false, verdict: 'NO_OUTPUT' });
  expect(wrong.problems[0]).toMatch(
    /^its verdict is NO_OUTPUT, not SCORED \(train: ended after .* left no file/,
  );
  const owner = await run('exits-with-nothing', {
    expected: { verdicts: ['NO_OUTPUT'], owner: 'organizer' },
  });
  expect(owner.problems).toEqual(['NO_OUTPUT is put down to the contestant, not to the organizer']);
  const evidence = await run('archive-climbs', {
    expected: { verdicts: ['REJECTED_ARCHIVE'], owner: 'contestant', evidence: 'too large' },
  });
  expect(evidence.problems).toEqual([
    expect.stringMatching(/does not say "too large" \(.*leaves the archive/),
  ]);
});

test('an attack that should report attempts and did not is broken', async () => {
  const result = await run('fails-after-saving', { probes: true });
  expect(result.problems).toEqual(['it did not say what it tried: the attack itself is broken']);
});
