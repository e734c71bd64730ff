import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { countEarlierRuns } from '../../../evaluator/run/earlierRuns.ts';
import { temporaryFolder } from '../fixtures.ts';

test('counts runs of the same archive and seed in every state, and no others', async () => {
  const folder = await temporaryFolder();
  const put = async (name: string, file: string, value: object) => {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, file), JSON.stringify(value));
  };
  const same = { archiveSha256: 'a', seed: 1 };
  await put('died', 'start.json', same);
  await put('waits', 'unscored.json', { record: same });
  await put('over', 'record.json', same);
  await put('other-archive', 'record.json', { ...same, archiveSha256: 'b' });
  await put('other-seed', 'start.json', { ...same, seed: 2 });
  await put('.entry-1', 'record.json', same);
  await put('torn', 'other.json', same);
  expect(await countEarlierRuns(folder, 'a', 1)).toBe(3);
  expect(await countEarlierRuns(join(folder, 'none'), 'a', 1)).toBe(0);
});
