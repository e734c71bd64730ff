import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
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

test('the identity is in the environment and arguments of no process, not even of those that read its file', async () => {
  const identity = join(folder.path, 'own-identity.txt');
  await makeIdentity(identity, 'a test');
  const secret = /^AGE-SECRET-KEY-1\S+$/m.exec(await readFile(identity, 'utf8'))![0];
  const [spy, seen] = [join(folder.path, 'spy.cjs'), join(folder.path, 'seen')];
  // At the end of each process, when it has read the file.
  await writeFile(
    spy,
    `process.on('exit', () => {
  const { appendFileSync, readFileSync } = require('node:fs');
  appendFileSync(${JSON.stringify(seen)}, JSON.stringify([process.argv, process.env]) + readFileSync('/proc/self/environ') + '\\n');
});`,
  );
  const options = process.env.NODE_OPTIONS;
  process.env.NODE_OPTIONS = `${options ?? ''} --require ${spy}`;
  try {
    const organizer = await callOrganizer(identity, join(folder.path, 'track'), folder.path);
    await organizer.score(join(folder.path, 'none')).catch(() => {});
  } finally {
    if (options === undefined) delete process.env.NODE_OPTIONS;
    else process.env.NODE_OPTIONS = options;
  }
  const text = await readFile(seen, 'utf8');
  expect(text.match(/own-identity\.txt/g)!.length).toBeGreaterThanOrEqual(2); // both were seen, with the path
  expect(text).not.toContain(secret);
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
