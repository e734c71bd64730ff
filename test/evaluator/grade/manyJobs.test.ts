import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { gradeArchives } from '../../../evaluator/grade/gradeArchives.ts';
import { temporaryFolder } from '../fixtures.ts';
import { madeUpRecord } from './madeUpRecord.ts';

test('jobs that start together share one look at the Track, which reads all of it', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'track.json'), '{}');
  let looks = 0;
  const change = async () => {
    looks += 1;
    return null;
  };
  const { track, machine } = madeUpRecord();
  const archives = Array.from({ length: 20 }, (_, at) => {
    const file = `${at}.tar.gz`;
    return { file, path: join(folder, file), sha256: at.toString(16).padStart(64, '0') };
  });
  const ordered: string[] = [];
  const { open } = await gradeArchives(
    {
      archives,
      track: { dir: folder, info: track!, withheld: { change } as never, close: async () => {} },
      outFolder: join(folder, 'out'),
      ...{ seeds: [1, 2], trainSeconds: 60, predictSeconds: 60, processes: 64, retries: 1 },
      ...{ mostDisturbance: 1, machine },
    },
    {
      ...{ sandbox: { kind: 'process' }, jobs: Number.MAX_SAFE_INTEGER, takesUp: true },
      run: async ({ archiveSha256 }) => {
        ordered.push(archiveSha256);
        return null; // it goes on elsewhere
      },
    },
    { abort: new AbortController().signal, warn: () => {}, starts: () => {}, ended: () => {} },
  );
  expect({ open, ordered: ordered.length, looks }).toEqual({ open: 40, ordered: 40, looks: 1 });
});
