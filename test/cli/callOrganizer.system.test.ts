import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { callOrganizer } from '../../cli/callOrganizer.ts';
import { makeIdentity } from '../../datasets/sealing/makeIdentity.ts';
import { UserError } from '../../datasets/userError.ts';
import { temporaryFolder } from '../datasets/temporaryFolder.ts';

const folder = temporaryFolder();

test('an error of the process that holds the identity keeps its fields', async () => {
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

test('a run that cannot be scored is reported with the message of that process', async () => {
  const identity = join(folder.path, 'identity.txt');
  await makeIdentity(identity, 'a test');
  const organizer = await callOrganizer(identity, join(folder.path, 'track'), folder.path);
  expect(organizer.publicKey).toMatch(/^age1/);
  const run = join(folder.path, 'run');
  await mkdir(run);
  await expect(organizer.score(run)).rejects.toThrow(`${run} has no unscored.json`);
});

test('a process whose caller is gone reports its error on standard error alone, and keeps its exit status', async () => {
  const child = spawn(process.execPath, ['cli/bin.mjs', 'seal', 'keys', join(folder.path, 'none')], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  child.disconnect();
  const said = text(child.stderr!);
  const [code] = await once(child, 'exit');
  expect(code).toBe(2);
  expect(await said).toMatch(/^haet: .*none: cannot be read \(ENOENT\).*\n$/);
});
