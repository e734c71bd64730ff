import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readCurves } from '../../../evaluator/study/readCurves.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';

const folder = temporaryFolder();

const write = (...lines: unknown[]) =>
  writeFile(
    join(folder.path, 'progress.jsonl'),
    lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''),
  );

test('the curves of a run are over its seconds or its epochs; what is no progress line is skipped', async () => {
  await write(
    { atSeconds: 1.5, step: 1, epoch: 0.1, loss: 2, accuracy: 0.2 },
    'no JSON',
    { atSeconds: 'late', epoch: 0.15, loss: 1 },
    { atSeconds: 9, step: 2, epoch: 0.2, loss: 1.5 },
  );
  expect(await readCurves(folder.path, 'seconds')).toEqual({
    loss: [
      { at: 1.5, value: 2 },
      { at: 9, value: 1.5 },
    ],
    accuracy: [{ at: 1.5, value: 0.2 }],
  });
  expect((await readCurves(folder.path, 'epochs')).loss.map(({ at }) => at)).toEqual([0.1, 0.2]);
});

test('a run without progress lines or without a folder has no curve, and one with many has at most 200 points', async () => {
  expect(await readCurves(folder.path, 'epochs')).toEqual({ loss: [], accuracy: [] });
  expect(await readCurves(join(folder.path, 'none'), 'epochs')).toEqual({ loss: [], accuracy: [] });
  await write(...Array.from({ length: 5000 }, (_, at) => ({ atSeconds: at, epoch: at / 100, loss: 1 })));
  const { loss } = await readCurves(folder.path, 'epochs');
  expect(loss.length).toBeLessThanOrEqual(200);
  expect(loss.at(-1)!.at).toBeGreaterThan(49);
});
