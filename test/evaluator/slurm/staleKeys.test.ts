import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { issueAttempt, writeIssued } from '../../../evaluator/grade/issued.ts';
import { removeStaleKeys } from '../../../evaluator/slurm/staleKeys.ts';
import { temporaryFolder } from '../fixtures.ts';
import { madeUpRecord } from '../grade/madeUpRecord.ts';

test('a key that a killed coordinator left is removed, and that of a batch with an open attempt stays', async () => {
  const out = await temporaryFolder();
  const batches = join(out, 'slurm');
  const keyOf = (batch: string) => join(batches, batch, 'images-key');
  for (const batch of ['haet-open', 'haet-over']) {
    await mkdir(join(batches, batch), { recursive: true });
    await writeFile(keyOf(batch), 'secret');
  }
  const { attempt, archiveSha256, track, seed, sandbox, limits } = madeUpRecord();
  const start = {
    ...{ attempt, seed, limits, archiveSha256: archiveSha256!, track: track! },
    sandbox: { kind: sandbox.kind },
  };
  const folder = await issueAttempt(join(out, 'runs/job'), start);
  await writeIssued(folder, { batch: 'haet-open', index: 0 });
  await removeStaleKeys(out, batches);
  expect([keyOf('haet-open'), keyOf('haet-over')].map((path) => existsSync(path))).toEqual([true, false]);
});
