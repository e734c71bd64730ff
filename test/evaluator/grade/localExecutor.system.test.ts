import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { createLocalExecutor } from '../../../evaluator/grade/localExecutor.ts';
import { recordFile } from '../../../evaluator/run/record.ts';
import { openRunTrack } from '../../../evaluator/run/runTrack.ts';
import { createProcessSandbox } from '../../../evaluator/sandbox/process/process.ts';
import { scoreOpenRun } from '../../../evaluator/score/scoreOpenRun.ts';
import { folderWithTrack, machine, makeEntry } from '../fixtures.ts';

test('returns a run on an open Track without a score, as a node does; whoever asked for it scores it', async () => {
  const { folder, trackDir } = await folderWithTrack();
  const track = await openRunTrack(trackDir);
  const executor = createLocalExecutor(await createProcessSandbox(), [{ cpuSet: null, track: null }]);
  const plan = {
    entryPath: await makeEntry(folder),
    track: { dir: track.dir, info: track.info },
    ...{ runsFolder: join(folder, 'runs'), seed: 1, machine },
  };
  const order = { plan, archiveSha256: 'a'.repeat(64), open: null };
  const returned = await executor.run(order, new AbortController().signal);
  expect(returned).toMatchObject({ verdict: 'SCORED', score: null });
  expect(existsSync(join(returned!.folder, recordFile))).toBe(false);
  const { score } = await scoreOpenRun(returned!.folder, track);
  expect(score).toMatchObject({ total: 1000, details: { perClass: expect.any(Array) } });
}, 120_000);
