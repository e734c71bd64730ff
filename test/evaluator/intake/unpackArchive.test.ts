import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UserError } from '../../../datasets/userError.ts';
import { listFiles } from '../../../evaluator/intake/loadEntry.ts';
import { unpackArchive } from '../../../evaluator/intake/unpackArchive.ts';
import { temporaryFolder } from '../fixtures.ts';
import { archivesIn } from './archives.ts';
import { type Member, tarBytes } from './tarBytes.ts';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const { put, refusal } = archivesIn(() => folder, 'entry.tar');

describe('a valid archive', () => {
  const members: Member[] = [
    { path: './', type: 'Directory' },
    { path: './haet.json', data: '{}' },
    { path: 'code/', type: 'Directory' },
    { path: 'code/run.sh', data: 'echo', mode: 0o4777 },
    { path: 'unnamed/folder/é.txt', data: Buffer.alloc(5000, 7) },
  ];
  test.each([
    ['plain', tarBytes(...members)],
    ['gzip', gzipSync(tarBytes(...members))],
  ])(
    'is unpacked (%s): contents, implicit folders, executable programs, no special modes',
    async (_, bytes) => {
      const { archive, into } = put(bytes);
      await unpackArchive(archive, into);
      expect(await listFiles(into)).toEqual(['code/run.sh', 'haet.json', 'unnamed/folder/é.txt']);
      expect(readFileSync(join(into, 'unnamed/folder/é.txt'))).toEqual(Buffer.alloc(5000, 7));
      expect(statSync(join(into, 'code/run.sh')).mode & 0o7777).toBe(0o755);
      expect(statSync(join(into, 'haet.json')).mode & 0o7777).toBe(0o644);
    },
  );
});

describe('is rejected by the name of the member:', () => {
  const evil = (member: Member) => tarBytes({ path: 'fine' }, member);
  test.each<[string, Buffer, string]>([
    ['a path that leads out', evil({ path: 'a/../../out' }), '"a/../../out" leaves the archive'],
    ['a path that leads up and down', evil({ path: 'a/../b' }), 'leaves the archive'],
    ['an absolute path', evil({ path: '/tmp/out' }), '"/tmp/out" has an absolute path'],
    ['a drive of Windows', evil({ path: 'C:/out' }), 'has an absolute path'],
    ['a path that an extended header changes', evil({ path: 'fine2', pax: { path: '../out' } }), '"../out"'],
    ['an escape sequence', evil({ path: 'x\u001b[2J' }), 'control character'],
    ['a symbolic link', evil({ path: 'x', type: 'SymbolicLink', linkpath: '/etc' }), 'SymbolicLink'],
    ['a hard link', evil({ path: 'x', type: 'Link', linkpath: 'fine' }), 'Link'],
    ['a character device', evil({ path: 'x', type: 'CharacterDevice' }), 'CharacterDevice'],
    ['a block device', evil({ path: 'x', type: 'BlockDevice' }), 'BlockDevice'],
    ['a pipe', evil({ path: 'x', type: 'FIFO' }), 'FIFO'],
    ['the same file twice', evil({ path: 'fine' }), '"fine" occurs twice'],
    ['a file in the place of a folder', evil({ path: 'fine/below' }), 'occurs twice'],
    ['names that differ by case', evil({ path: 'FINE' }), 'is the same as "fine"'],
    ['folders that differ by case', tarBytes({ path: 'a/x' }, { path: 'A/y' }), 'is the same as "a"'],
    [
      'names that differ in the encoding of an accent',
      tarBytes({ path: 'e\u0301' }, { path: '\u00e9' }),
      'the same',
    ],
    ['a long name', evil({ path: 'x', pax: { path: 'y'.repeat(300) } }), 'more than 255 bytes'],
    ['folders without end', evil({ path: 'x', pax: { path: 'd/'.repeat(21) } }), '20 folders deep'],
    [
      'a long path',
      evil({ path: 'x', pax: { path: `${'d'.repeat(200)}/`.repeat(6) } }),
      'more than 1000 bytes',
    ],
  ])('%s', async (_, bytes, named) => {
    expect(await refusal(bytes)).toContain(named);
  });
});

test('a NUL ends a name, and the text before it is checked', async () => {
  const { archive, into } = put(tarBytes({ path: 'a', pax: { path: 'x\0/../../y' } }));
  await unpackArchive(archive, into);
  expect(await listFiles(into)).toEqual(['x']);
  expect(await refusal(tarBytes({ path: 'a', pax: { path: '../x\0y' } }))).toContain('leaves the archive');
});

test('what macOS adds is checked and left out', async () => {
  const { archive, into } = put(
    tarBytes(
      { path: 'a' },
      { path: 'b/.DS_Store' },
      { path: '__MACOSX/', type: 'Directory' },
      { path: '__MACOSX/._a' },
    ),
  );
  await unpackArchive(archive, into);
  expect(await listFiles(into)).toEqual(['a']);
  expect(await refusal(tarBytes({ path: '__MACOSX/../../out' }))).toContain('leaves the archive');
});

describe('is rejected by size:', () => {
  test('more members than allowed', async () => {
    const bytes = tarBytes(...Array.from({ length: 11 }, (_, at) => ({ path: `f${at}` })));
    expect(await refusal(bytes, { members: 10 })).toContain('more than 10 members');
  });
  test('more bytes than allowed, according to the header', async () => {
    const bytes = tarBytes({ path: 'big', size: 2 ** 40, data: 'little' });
    expect(await refusal(bytes)).toContain('"big" exceeds');
  });
  test('a bomb', async () => {
    expect(await refusal(gzipSync(tarBytes({ path: 'zeros', data: Buffer.alloc(70 * 2 ** 20) })))).toContain(
      'ratio',
    );
  });
  test('but not small files of zeros, which are no bomb', async () => {
    const { archive, into } = put(gzipSync(tarBytes({ path: 'zeros', data: Buffer.alloc(30 * 2 ** 20) })));
    await unpackArchive(archive, into);
    expect(statSync(join(into, 'zeros')).size).toBe(30 * 2 ** 20);
  });

  test('a large archive, without reading it', async () => {
    expect(await refusal(Buffer.alloc(101), { archiveBytes: 100 })).toContain('101 bytes');
  });
});

describe('is rejected because it is not an archive:', () => {
  const whole = tarBytes({ path: 'a', data: 'x'.repeat(3000) });
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(4096)],
    ['text', Buffer.from('hello '.repeat(500))],
    ['an archive truncated in a file', whole.subarray(0, 1500)],
    [
      'gzip cut short',
      gzipSync(Buffer.from(Array.from({ length: 9000 }, (_, at) => (at * 7919) % 251))).subarray(0, 99),
    ],
  ])('%s', async (_, bytes) => {
    await refusal(bytes);
  });

  const remedy = 'Make the archive with `haet pack FOLDER --out entry.tar.gz`.';
  const hex = (text: string) => Buffer.from(text.padEnd(200, '0'), 'hex');
  test.each<[Buffer, string]>([
    [hex('fd377a585a00'), 'this is compressed by xz'],
    [hex('425a6839314159'), 'this is compressed by bzip2'],
    [hex('28b52ffd'), 'this is compressed by zstd'],
    [hex('4c5a495001'), 'this is compressed by lzip'],
    [hex('04224d18'), 'this is compressed by LZ4'],
    [hex('377abcaf271c'), 'this is a 7z archive'],
    [hex('526172211a0700'), 'this is a RAR archive'],
    [hex('4d534346'), 'this is a CAB archive'],
    [hex('4d5a9000'), 'this is a program for Windows'],
    [Buffer.alloc(0), 'this is an empty file'],
    [Buffer.from('<!DOCTYPE html><html><body>Sign in</body>'), 'this is a web page'],
    [Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:1\n'), 'this is a Git LFS pointer'],
    [Buffer.from('import numpy as np\n'.repeat(50)), 'this is a text file'],
    [hex('00ff'), 'is not a tar, tar.gz or zip archive. '],
    [gzipSync(Buffer.from('print("hello")\n'.repeat(99))), 'compressed by gzip, but holds a text file'],
    [gzipSync(hex('89504e470d0a1a0a').subarray(0, 99)), 'compressed by gzip, but holds a PNG image'],
    [gzipSync(gzipSync(whole)), 'compressed by gzip, but holds compressed by gzip'],
  ])('%# another format is named by its first bytes, with what to do', async (bytes, named) => {
    const message = await refusal(bytes);
    expect(message).toContain(named);
    expect(message).toContain(remedy);
  });

  test('a folder is named as one, with what to do', async () => {
    const { place } = put(whole);
    await expect(unpackArchive(place, join(place, 'x'))).rejects.toThrow(
      `${place}: is a folder, not an archive. ${remedy}`,
    );
  });

  test('a socket is not opened', async () => {
    const { place } = put(whole);
    const server = createServer().listen(join(place, 'socket'));
    await once(server, 'listening');
    try {
      await expect(unpackArchive(join(place, 'socket'), join(place, 'x'))).rejects.toThrow(
        'socket: is not a regular file',
      );
    } finally {
      server.close();
    }
  });

  test('a link or a pipe instead of an archive is not followed and does not block', async () => {
    const { place, archive } = put(whole);
    execFileSync('ln', ['-s', archive, join(place, 'link')]);
    execFileSync('mkfifo', [join(place, 'pipe')]);
    for (const name of ['link', 'pipe']) {
      await expect(unpackArchive(join(place, name), join(place, 'x'))).rejects.toThrow(
        'is not a regular file',
      );
    }
  });
});

test('with any changed bytes it is unpacked inside its folder or rejected completely', async () => {
  const bytes = tarBytes(
    { path: 'a/b', data: 'x'.repeat(700) },
    { path: 'c', pax: { path: 'd/e' }, data: 'y' },
  );
  const change = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(change, async (changes) => {
      const changed = Buffer.from(bytes);
      for (const [at, value] of changes) changed[at] = value;
      const { place, archive, into } = put(changed);
      const error = await unpackArchive(archive, into).catch((thrown) => thrown);
      const isRefused = error instanceof UserError;
      expect(error === undefined || isRefused).toBe(true);
      expect(existsSync(into)).toBe(!isRefused);
      expect(readdirSync(place).every((name) => name === 'entry.tar' || name === 'entry')).toBe(true);
      rmSync(place, { recursive: true });
    }),
    { numRuns: 300 },
  );
});
