import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { callOrganizer } from '../../cli/callOrganizer.ts';
import { makeIdentity } from '../../datasets/sealing/makeIdentity.ts';
import { UserError } from '../../datasets/userError.ts';
import { temporaryFolder } from '../datasets/temporaryFolder.ts';

const folder = temporaryFolder();

test('an error of the process that holds the identity comes over with its fields', async () => {
  const missing = join(folder.path, 'identity.txt');
  const error = await callOrganizer(missing, 'track', 'chain').catch((thrown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({
    path: missing,
    reason: 'cannot be read (ENOENT)',
    remedy: 'Check the path.',
    message: `${missing}: cannot be read (ENOENT). Check the path.`,
  });
});

test('a run that cannot be scored is told as that process told it', async () => {
  const identity = join(folder.path, 'identity.txt');
  await makeIdentity(identity, 'a test');
  const organizer = await callOrganizer(identity, join(folder.path, 'track'), folder.path);
  expect(organizer.publicKey).toMatch(/^age1/);
  const run = join(folder.path, 'run');
  await mkdir(run);
  await expect(organizer.score(run)).rejects.toThrow(`${run} has no unscored.json`);
});
