import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { UserError } from '../../../datasets/userError.ts';
import { createSandbox, sandboxKinds } from '../../../evaluator/sandbox/createSandbox.ts';
import { listAttacks, whyNotRun } from '../../../evaluator/selfTest/attack.ts';
import { openSelfTest, type SelfTest } from '../../../evaluator/selfTest/selfTest.ts';
import { plainImage } from '../fixtures.ts';

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
    (required ? test : test.skip)(`nothing is let loose: ${sandbox}`, () => {
      throw new Error(sandbox);
    });
    return;
  }
  let selfTest: SelfTest;
  beforeAll(async () => {
    selfTest = await openSelfTest(sandbox);
  });
  afterAll(() => selfTest.close());

  test.each(attacks.filter((attack) => whyNotRun(attack, sandbox) === null))(
    '$name has its verdict and leaves nothing: $attack',
    async (attack) => {
      expect((await selfTest.run(attack)).problems).toEqual([]);
    },
  );
});
