import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { unfitToPublish } from '../../../evaluator/selfTest/leftovers.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';

const folder = temporaryFolder();
const sh = (script: string) => execFileSync('sh', ['-c', script], { cwd: folder.path });

test('finds links, pipes, set-id bits and more than the predictions in the output of a run', async () => {
  sh('mkdir -p model/sub predictions; printf x > model/sub/weights; printf x > predictions/predictions.npy');
  expect(await unfitToPublish(folder.path)).toEqual([]);
  sh(
    'ln -s /etc/shadow model/link; mkfifo model/sub/pipe; chmod 4755 model/sub/weights; mkdir predictions/a',
  );
  const found = await unfitToPublish(folder.path);
  expect(found.sort()).toEqual([
    `${join(folder.path, 'model/link')} is left there and no regular file`,
    `${join(folder.path, 'model/sub/pipe')} is left there and no regular file`,
    `${join(folder.path, 'model/sub/weights')} is left there with the rights of its owner or group`,
    '1 more things than predictions.npy are left of its predictions',
  ]);
});

test('a rejected run has no output and nothing to find', async () => {
  expect(await unfitToPublish(join(folder.path, 'none'))).toEqual([]);
});
