import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect, test } from '@jest/globals';
import { UserError } from '../../../datasets/userError.ts';
import type { RunPlan } from '../../../evaluator/run/runEntry.ts';
import { settleRun } from '../../../evaluator/run/settleRun.ts';
import type { Withheld } from '../../../evaluator/run/withheld.ts';
import type { Sandbox } from '../../../evaluator/sandbox/sandbox.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';
import { machine } from '../fixtures.ts';

const folder = temporaryFolder();

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

test('on a sealed Track, predict must run twice', () => {
  const info = { sealed: {} } as RunPlan['track']['info'];
  const track = { ...plan.track, info, withheld: {} as Withheld };
  expect(settled({ track }).plan.track.info).toBe(info);
  expect(() => settled({ track, predictOnce: true })).toThrow(/track is sealed: predict must run twice$/);
});

test('the folder of a Track may be relative to the current folder, though stages are started in another', async () => {
  await mkdir(join(folder.path, 'test'));
  await writeFile(join(folder.path, 'test/images.npy'), '', { mode: 0o644 });
  const { plan: run, withheld } = settled({ track: { ...plan.track, dir: relative('.', folder.path) } });
  expect(run.track.dir).toBe(folder.path);
  expect(await withheld.images()).toBe(join(folder.path, 'test/images.npy'));
});
