import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { UserError } from '../../../datasets/userError.ts';
import { createSandbox, sandboxKinds } from '../../../evaluator/sandbox/createSandbox.ts';
import { listAttacks, whyNotRun } from '../../../evaluator/selfTest/attack.ts';
import { openSelfTest, type SelfTest } from '../../../evaluator/selfTest/selfTest.ts';
import type { AttackResult } from '../../../evaluator/selfTest/trial.ts';
import { plainImage } from '../fixtures.ts';

/** Attacks that run at once. They mostly wait, for processes to start and for deadlines. */
const jobs = 3;

const attacks = await listAttacks();
const sandboxes = await Promise.all(
  sandboxKinds.map(async (kind) => {
    const sandbox = await createSandbox(kind, { image: plainImage }).catch((error) => {
      if (error instanceof UserError) return error.message;
      throw error;
    });
    return { kind, sandbox };
  }),
);

describe.each(sandboxes)('in the sandbox $kind', ({ sandbox }) => {
  if (typeof sandbox === 'string') {
    const required = process.env.HAET_EVERY_SANDBOX !== undefined;
    (required ? test : test.skip)(`no attack is run: ${sandbox}`, () => {
      throw new Error(sandbox);
    });
    return;
  }
  const toRun = attacks.filter((attack) => whyNotRun(attack, sandbox) === null);
  let selfTest: SelfTest;
  let results: ReadonlyMap<string, Promise<AttackResult>>;
  // All are started here and run in this order; each test waits for its own.
  beforeAll(async () => {
    selfTest = await openSelfTest(sandbox, jobs);
    results = new Map(toRun.map((attack) => [attack.name, selfTest.run(attack)]));
    for (const each of results.values()) each.catch(() => {}); // reported by its own test
  });
  afterAll(async () => {
    await Promise.allSettled(results.values());
    await selfTest.close();
  });

  test.each(toRun)('$name gets its verdict and leaves nothing: $attack', async ({ name }) => {
    expect((await results.get(name))!.problems).toEqual([]);
  });
});
