import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { UserError } from '../../../datasets/userError.ts';
import type { RunPlan } from '../../../evaluator/run/runEntry.ts';
import { settleRun } from '../../../evaluator/run/settleRun.ts';
import type { Sandbox } from '../../../evaluator/sandbox/sandbox.ts';
import { machine } from '../fixtures.ts';

const plan: RunPlan = {
  entryPath: 'entry',
  track: { dir: 'track', info: {} as RunPlan['track']['info'] },
  runsFolder: 'runs',
  seed: 1,
  machine,
};
const settled = (changes: Partial<RunPlan>) => settleRun({ ...plan, ...changes }, {} as Sandbox, {});

test.each([
  [{ seed: -1 }, 'seed'],
  [{ seed: 1.5 }, 'seed'],
  [{ cpus: 0 }, 'cpus'],
  [{ memoryBytes: Number.NaN }, 'memoryBytes'],
  [{ attempt: 0 }, 'attempt'],
  [{ limits: { trainSeconds: 0 } }, 'limits.trainSeconds'],
  [{ limits: { outFiles: '9' as unknown as number } }, 'limits.outFiles'],
])('the plan %j is refused by the name of the field', (changes, field) => {
  expect(() => settled(changes)).toThrow(UserError);
  expect(() => settled(changes)).toThrow(new RegExp(`^the plan of the run: .* \\(at ${field}\\)$`));
});

test('the folder of a Track may be relative to the current folder, though stages are started in another', async () => {
  const { plan, withheld } = settled({});
  expect(plan.track.dir).toBe(resolve('track'));
  expect(await withheld.images()).toBe(resolve('track/test/images.npy'));
});
