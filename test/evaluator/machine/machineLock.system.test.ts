import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, linkSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { UserError } from '../../../datasets/userError.ts';
import { lockMachine, machineLockHolder } from '../../../evaluator/machine/machineLock.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';

const folder = temporaryFolder();
let place: string;
let lock: string;
let places = 0;
beforeEach(() => {
  place = join(folder.path, `place${++places}`);
  mkdirSync(place);
  chmodSync(place, 0o1777);
  lock = join(place, 'haet-machine.lock');
});

const held = (folders = [place]) => {
  const unlock = lockMachine(folders);
  if (typeof unlock !== 'function') throw new Error(unlock.fault);
  return unlock;
};

test('one process holds it at a time; the second learns which, and the lock can be read without taking it', () => {
  expect(machineLockHolder([place])).toBeNull();
  const unlock = held();
  expect(() => lockMachine([place])).toThrow(UserError);
  expect(() => lockMachine([place])).toThrow(`process ${process.pid} is timing a run on this machine`);
  expect(machineLockHolder([place])).toBe(String(process.pid));
  unlock();
  expect(machineLockHolder([place])).toBeNull();
  held()();
});

test('is released when its holder is killed', async () => {
  const module = JSON.stringify(pathToFileURL(resolve('dist/evaluator/machine/machineLock.js')).href);
  const script = `const { lockMachine } = await import(${module});
    globalThis.unlock = lockMachine([${JSON.stringify(place)}]); console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    expect(() => lockMachine([place])).toThrow(`process ${child.pid} is timing a run`);
  } finally {
    child.kill('SIGKILL'); // it would keep jest from ending
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  held()();
});

test('can be taken by any user, whoever created its file', async () => {
  held()();
  expect(statSync(lock).mode & 0o777).toBe(0o666);
  const asOther = ['--reuid=64001', '--regid=64001', '--clear-groups', 'sh', '-c'];
  chmodSync(folder.path, 0o755);
  const other = await execa('setpriv', [...asOther, `flock -x -n ${lock} true`], { reject: false });
  expect({ code: other.exitCode, said: other.stderr }).toEqual({ code: 0, said: '' });
});

test('a link, a pipe or a second name in its place is not followed, and is reported', async () => {
  const target = join(folder.path, 'precious');
  writeFileSync(target, 'precious');
  symlinkSync(target, lock);
  expect(lockMachine([place])).toEqual({ fault: expect.stringContaining('ELOOP') });

  const pipes = join(folder.path, 'pipes');
  mkdirSync(pipes);
  chmodSync(pipes, 0o1777);
  await execa('mkfifo', [join(pipes, 'haet-machine.lock')]);
  expect(lockMachine([pipes])).toEqual({
    fault: expect.stringContaining('is not a regular file with one name'),
  });

  const linked = join(folder.path, 'linked');
  mkdirSync(linked);
  chmodSync(linked, 0o1777);
  linkSync(target, join(linked, 'haet-machine.lock'));
  expect(lockMachine([linked])).toEqual({
    fault: expect.stringContaining('is not a regular file with one name'),
  });
  expect(readFileSync(target, 'utf8')).toBe('precious');
});

test('a missing shared folder is reported', () => {
  const own = join(folder.path, 'own');
  mkdirSync(own, { mode: 0o755 });
  expect(lockMachine([own, '/nowhere'])).toEqual({
    fault: `none of ${own}, /nowhere is writable by all users`,
  });
  expect(held([own, place])).toEqual(expect.any(Function));
});
