import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { refusedArchives } from '../../../evaluator/grade/refusedArchives.ts';
import { hashFile } from '../../../evaluator/intake/hashFile.ts';
import { packEntry } from '../../../evaluator/intake/packEntry.ts';
import { makeEntry, temporaryFolder } from '../fixtures.ts';
import { madeUpRecord } from './madeUpRecord.ts';

/** Packs an entry of the team Cats. */
async function sendTo(folder: string, file: string) {
  const path = join(folder, file);
  await packEntry(await makeEntry(folder, { manifest: { name: file, team: 'Cats' } }), path);
  return { file, path, sha256: await hashFile(path) };
}

test('archives with one name in two forms are not run and do not count for their team', async () => {
  const folder = await temporaryFolder();
  const send = async (file: string, refused?: string) => ({
    ...(await sendTo(folder, file)),
    ...(refused !== undefined && { refused }),
  });
  const [two, one, more] = [
    await send('a.tar.gz', 'two forms'),
    await send('b.tar.gz'),
    await send('c.tar.gz'),
  ];
  const plan = { archives: [two, one, more], outFolder: folder };
  expect(await refusedArchives(plan)).toEqual(new Map([[two.sha256, 'two forms']]));
  expect([...(await refusedArchives({ ...plan, perTeam: 1 }))]).toEqual([
    [two.sha256, 'two forms'],
    [more.sha256, expect.stringContaining("the team's limit is 1")],
  ]);
  // The same bytes under a name of their own are run.
  const archives = [two, { ...two, file: 'd.tar.gz', refused: undefined }];
  expect(await refusedArchives({ archives, outFolder: folder })).toEqual(new Map());
});

test('a baseline does not count for its team, also after it was run; a copy that the team sent does', async () => {
  const folder = await temporaryFolder();
  const [base, own] = [await sendTo(folder, 'base.tar.gz'), await sendTo(folder, 'own.tar.gz')];
  await mkdir(join(folder, 'runs/job/run'), { recursive: true });
  const record = madeUpRecord({ team: 'Cats', archiveSha256: base.sha256 });
  await writeFile(join(folder, 'runs/job/run/record.json'), JSON.stringify(record));
  const plan = { archives: [base, own], outFolder: folder, perTeam: 1 };
  expect([...(await refusedArchives(plan)).keys()]).toEqual([own.sha256]);
  const baselines = ['base.tar.gz'];
  expect(await refusedArchives({ ...plan, baselines })).toEqual(new Map());
  const archives = [base, { ...base, file: 'copy.tar.gz' }, own];
  expect([...(await refusedArchives({ ...plan, archives, baselines })).keys()]).toEqual([own.sha256]);
});
