import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { UserError } from '../../../datasets/userError.ts';
import { explainSystemError } from '../../../evaluator/machine/explainSystemError.ts';
import { projectFolder } from '../../../evaluator/machine/version.ts';

/** An error as Node makes it. */
const systemError = (code: string, syscall: string, path?: string) =>
  Object.assign(new Error(`${code}: some text, ${syscall}`), { code, syscall, ...(path && { path }) });
const explain = (code: string, syscall: string, path?: string) =>
  explainSystemError(systemError(code, syscall, path))?.message;

const cache = '/nowhere/cache';
const before = process.env.HAET_CACHE;
beforeAll(() => {
  process.env.HAET_CACHE = cache;
});
afterAll(() => {
  if (before === undefined) delete process.env.HAET_CACHE;
  else process.env.HAET_CACHE = before;
});

describe('an error of the system becomes a sentence with the path and a remedy for that path:', () => {
  const own = join(tmpdir(), 'haet-check-1-2-3-abcdef/entry');
  test.each([
    ['EROFS', 'open', '/x/y', '/x/y: the file system is read-only (EROFS at open). Give another path.'],
    [
      'ENOSPC',
      'write',
      '/x/y',
      '/x/y: no space is left on the disk (ENOSPC at write). Free space there, or give a path on another disk.',
    ],
    [
      'ENOSPC',
      'write',
      own,
      `${own}: no space is left on the disk (ENOSPC at write). Free space there, or set TMPDIR to a folder on another disk.`,
    ],
    [
      'EROFS',
      'mkdir',
      own,
      `${own}: the file system is read-only (EROFS at mkdir). Set TMPDIR to a folder that you can write to.`,
    ],
    [
      'EDQUOT',
      'write',
      `${cache}/tracks`,
      `${cache}/tracks: the disk quota is used up (EDQUOT at write). Free space there, or set HAET_CACHE to a folder on another disk.`,
    ],
    [
      'EROFS',
      'open',
      join(tmpdir(), 'of-the-user'),
      `${join(tmpdir(), 'of-the-user')}: the file system is read-only (EROFS at open). Give another path.`,
    ],
    ['ELOOP', 'stat', '/x', '/x: symbolic links form a loop (ELOOP at stat). Give another path.'],
    [
      'ENAMETOOLONG',
      'mkdir',
      '/x',
      '/x: the path, or a name in it, is too long (ENAMETOOLONG at mkdir). Give another path.',
    ],
    [
      'ENOTDIR',
      'mkdir',
      '/x',
      '/x: a part of the path is not a folder (ENOTDIR at mkdir). Give another path.',
    ],
    [
      'EIO',
      'read',
      '/x',
      '/x: the disk failed (EIO at read). Check the disk or network file system, and run the command again.',
    ],
    [
      'ESTALE',
      'open',
      '/x',
      '/x: the network file system lost it (ESTALE at open). Check the disk or network file system, and run the command again.',
    ],
  ])('%s at %s of %s', (code, syscall, path, message) => {
    const variable = ['TMPDIR', 'TMP', 'TEMP'].find((name) => process.env[name]) ?? 'TMPDIR';
    expect(explain(code, syscall, path)).toBe(message.replace('TMPDIR', variable));
  });

  test.each([
    ['ENOSPC', 'write', /^no space is left on the disk \(ENOSPC at write\)\. Free space/],
    ['EMFILE', 'open', /^this process has too many open files .*ulimit -n/],
    ['EAGAIN', 'spawn sh', /^the program sh cannot be started \(EAGAIN: .*ulimit -u/],
  ])('%s at %s without a path', (code, syscall, message) => {
    expect(explain(code, syscall)).toMatch(message);
  });

  test('a program that is missing', () => {
    expect(explain('ENOENT', 'spawn flock', 'flock')).toBe(
      'the program flock cannot be started (ENOENT: not found). Install it, or add its folder to PATH.',
    );
  });

  test('a package that is missing', () => {
    const error = Object.assign(new Error("Cannot find package 'zod' imported from /x\nmore"), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
    expect(explainSystemError(error)).toBeInstanceOf(UserError);
    expect(explainSystemError(error)!.message).toBe(
      `${projectFolder}: is not set up completely (Cannot find package 'zod' imported from /x). Run \`npm run setup\` there.`,
    );
  });
});

test('a path of another user is explained by its owner', () => {
  const error = systemError('EACCES', 'open', '/proc/1/mem');
  const message = explainSystemError(error)!.message;
  expect(message).toMatch(/^\/proc\/1\/mem: permission denied \(EACCES at open\).* Give a path of yours/);
});

test.each([
  ['a descriptor that was closed already', systemError('EBADF', 'close')],
  ['a wrong argument of a system call', systemError('EINVAL', 'read', '/x')],
  ['a missing file without a name', systemError('ENOENT', 'open')],
  ['an error of the language', new TypeError('undefined is not a function')],
  ['something that is no error', 'text'],
])('%s is a fault of ours', (_, error) => {
  expect(explainSystemError(error)).toBeNull();
});
