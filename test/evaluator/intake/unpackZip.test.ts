import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UserError } from '../../../datasets/userError.ts';
import { listFiles } from '../../../evaluator/intake/loadEntry.ts';
import { unpackArchive } from '../../../evaluator/intake/unpackArchive.ts';
import { type ZipMember, zip64Extra, zipBytes, zipWith } from '../../../evaluator/selfTest/zipBytes.ts';
import { temporaryFolder } from '../fixtures.ts';
import { archivesIn } from './archives.ts';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const { put, refusal } = archivesIn(() => folder, 'entry.zip');

/** Unpacks an archive; returns the content of each file, after `x ` if it can be executed. */
async function content(bytes: Buffer): Promise<Record<string, string>> {
  const { archive, into } = put(bytes);
  await unpackArchive(archive, into);
  const files = await listFiles(into);
  return Object.fromEntries(
    files.map((file) => {
      const path = join(into, file);
      const { mode } = statSync(path);
      expect([0o644, 0o755]).toContain(mode & 0o7777);
      return [file, `${mode & 0o111 ? 'x ' : ''}${readFileSync(path, 'utf8')}`];
    }),
  );
}

const unicodePath = (name: string, raw: string): Buffer => {
  const bytes = Buffer.alloc(9);
  bytes.writeUInt16LE(0x7075, 0);
  bytes.writeUInt16LE(5 + Buffer.byteLength(name), 2);
  bytes.writeUInt8(1, 4);
  bytes.writeUInt32LE(crc32(raw), 5);
  return Buffer.concat([bytes, Buffer.from(name)]);
};

describe('a valid zip is unpacked', () => {
  const manifest = { path: 'haet.json', data: '{}' };

  test('as Info-ZIP on Linux makes it: folders, modes, stored and deflated files, an empty file', async () => {
    const bytes = zipBytes(
      { path: 'code/', mode: 0o40755, dosAttributes: 0x10 },
      { path: 'code/run.sh', data: 'echo', mode: 0o104777 },
      { path: 'unnamed/folder/é.txt', data: 'x'.repeat(5000), method: 0 },
      { path: 'empty' },
      manifest,
    );
    expect(await content(bytes)).toEqual({
      'code/run.sh': 'x echo',
      'unnamed/folder/é.txt': 'x'.repeat(5000),
      empty: '',
      'haet.json': '{}',
    });
  });

  test('as Windows makes it: backslashes between folders, no modes; programs by their first bytes', async () => {
    const made = { host: 0, mode: 0, flags: 0 };
    const bytes = zipBytes(
      { ...made, path: 'code\\', dosAttributes: 0x10 },
      { ...made, path: 'code\\run.sh', data: '#!/bin/sh\necho' },
      { ...made, path: 'code\\program', data: '\x7fELF' },
      { ...made, path: 'code\\notes.sh', data: '# no interpreter' },
      { ...made, path: 'short', data: '#' },
      { ...manifest, ...made },
    );
    expect(await content(bytes)).toEqual({
      'code/run.sh': 'x #!/bin/sh\necho',
      'code/program': 'x \x7fELF',
      'code/notes.sh': '# no interpreter',
      short: '#',
      'haet.json': '{}',
    });
  });

  test('a script of a Unix zip without the run bit stays without it', async () => {
    expect(await content(zipBytes({ path: 'run.sh', data: '#!/bin/sh', mode: 0o100644 }))).toEqual({
      'run.sh': '#!/bin/sh',
    });
  });

  test('as the Finder makes it: sizes after the data, names in UTF-8 without the flag; its own files are left out', async () => {
    const made = { flags: 8, mode: 0o100644 };
    const bytes = zipBytes(
      { ...manifest, ...made },
      { ...made, path: 'é.py', data: 'x'.repeat(99) },
      { ...made, path: '.DS_Store', data: 'junk' },
      { ...made, path: 'code/.DS_Store', data: 'junk' },
      { path: '__MACOSX/', mode: 0o40755 },
      { ...made, path: '__MACOSX/._haet.json', data: 'junk' },
    );
    expect(await content(bytes)).toEqual({ 'haet.json': '{}', 'é.py': 'x'.repeat(99) });
  });

  test('in zip64, with a comment, and with a name in an extra field', async () => {
    const raw = 'caf?.py';
    const extra = unicodePath('café.py', raw);
    const bytes = zipWith(
      { zip64: true, comment: 'made by hand' },
      { ...manifest, central: { size: 0xffffffff, packedSize: 0xffffffff, extra: zip64Extra(2, 4) } },
      { path: raw, data: 'x', flags: 0, local: { extra }, central: { extra } },
    );
    expect(await content(bytes)).toEqual({ 'haet.json': '{}', 'café.py': 'x' });
  });

  test('and small files of zeros are no bomb', async () => {
    const zeros = '\0'.repeat(30 * 2 ** 20);
    expect(await content(zipBytes({ path: 'zeros', data: zeros }))).toEqual({ zeros });
  });
});

describe('a zip is rejected by the name or the kind of a member:', () => {
  const evil = (...members: ZipMember[]) => zipBytes({ path: 'fine', data: 'x' }, ...members);
  const latin1 = Buffer.from('caf\xe9', 'latin1');
  test.each<[string, Buffer, string]>([
    ['a path that leads out', evil({ path: 'a/../../out' }), '"a/../../out" leaves the archive'],
    ['a path that leads out on Windows', evil({ path: 'a\\..\\..\\out', host: 0 }), 'leaves the archive'],
    ['an absolute path', evil({ path: '/tmp/out' }), '"/tmp/out" has an absolute path'],
    ['an absolute path of Windows', evil({ path: '\\tmp\\out', host: 0 }), 'has an absolute path'],
    ['a drive of Windows', evil({ path: 'C:\\out', host: 0 }), 'has an absolute path'],
    ['a backslash in a name from Unix', evil({ path: 'a\\b' }), 'has a backslash in its name'],
    ['a NUL', evil({ path: 'a\0/../b' }), 'control character'],
    ['an escape sequence', evil({ path: 'x\u001b[2J' }), 'control character'],
    ['a name that is not UTF-8', evil({ path: latin1, flags: 0 }), 'has a name that is not UTF-8'],
    ['a name that is not UTF-8 but claims so', evil({ path: latin1 }), 'has a name that is not UTF-8'],
    ['no name', evil({ path: '' }), 'has no name'],
    [
      'another name in an extra field',
      evil({
        path: 'a',
        local: { extra: unicodePath('../out', 'a') },
        central: { extra: unicodePath('../out', 'a') },
      }),
      '"../out" leaves the archive',
    ],
    [
      'another name before its data',
      evil({ path: 'a', local: { path: 'b' } }),
      'is called "b" before its data',
    ],
    ['a symbolic link', evil({ path: 'x', mode: 0o120777, data: '/etc' }), 'SymbolicLink'],
    ['a symbolic link made on Windows', evil({ path: 'x', mode: 0o120777, host: 0 }), 'SymbolicLink'],
    ['a character device', evil({ path: 'x', mode: 0o020666 }), 'CharacterDevice'],
    ['a block device', evil({ path: 'x', mode: 0o060666 }), 'BlockDevice'],
    ['a pipe', evil({ path: 'x', mode: 0o010666 }), 'FIFO'],
    ['a socket', evil({ path: 'x', mode: 0o140666 }), 'Socket'],
    ['a folder with content', evil({ path: 'x/', mode: 0o40755, data: 'x' }), 'is a folder with content'],
    ['the same file twice', evil({ path: 'fine' }), '"fine" occurs twice'],
    ['the same file twice in Windows form', evil({ path: 'a/b' }, { path: 'a\\b', host: 0 }), 'occurs twice'],
    ['a file in the place of a folder', evil({ path: 'fine/below' }), 'occurs twice'],
    ['names that differ by case', evil({ path: 'FINE' }), 'is the same as "fine"'],
    ['a long name', evil({ path: 'y'.repeat(300) }), 'more than 255 bytes'],
    ['folders without end', evil({ path: 'd/'.repeat(21) }), '20 folders deep'],
    ['a long path', evil({ path: `${'d'.repeat(200)}/`.repeat(6) }), 'more than 1000 bytes'],
    ['a hostile name in a folder of the Finder', evil({ path: '__MACOSX/../../out' }), 'leaves the archive'],
  ])('%s', async (_, bytes, named) => {
    expect(await refusal(bytes)).toContain(named);
  });
});

describe('a zip is rejected by the way it is packed, with what to do:', () => {
  const remedy = 'haet pack FOLDER --out entry.tar.gz';
  test.each<[string, Buffer, string]>([
    ['encryption', zipBytes({ path: 'a', data: 'x', flags: 1 }), 'is encrypted'],
    ['strong encryption', zipBytes({ path: 'a', data: 'x', flags: 0x41 }), 'encrypt'],
    ['AES', zipBytes({ path: 'a', data: 'x', method: 99 }), 'is encrypted'],
    ['Deflate64', zipBytes({ path: 'a', data: 'x', method: 9 }), 'is compressed by Deflate64'],
    ['bzip2', zipBytes({ path: 'a', data: 'x', method: 12 }), 'is compressed by bzip2'],
    ['LZMA', zipBytes({ path: 'a', data: 'x', method: 14 }), 'is compressed by LZMA'],
    ['zstd', zipBytes({ path: 'a', data: 'x', method: 93 }), 'is compressed by zstd'],
    ['an unknown method', zipBytes({ path: 'a', data: 'x', method: 1234 }), 'is compressed by method 1234'],
    ['several parts', zipWith({ disk: 1 }, { path: 'a', data: 'x' }), 'one part of a split zip'],
    [
      'a program in front',
      zipWith({ prefix: Buffer.from('MZ\x90\0') }, { path: 'a' }),
      'a program for Windows',
    ],
    [
      'the first of several parts',
      zipWith({ prefix: Buffer.from('PK\x07\x08') }, { path: 'a' }),
      'a part of a split ZIP',
    ],
    [
      'the last of several parts',
      zipBytes({ path: 'a', data: 'x' }).subarray(9),
      'the end of a ZIP that is split',
    ],
    ['an empty zip', zipBytes(), 'an empty ZIP'],
  ])('%s', async (_, bytes, named) => {
    const message = await refusal(bytes);
    expect(message).toContain(named);
    expect(message).toContain(remedy);
  });
});

describe('a zip is rejected by size:', () => {
  test('more members than allowed, before anything is written', async () => {
    const bytes = zipBytes(...Array.from({ length: 11 }, (_, at) => ({ path: `f${at}` })));
    expect(await refusal(bytes, { members: 10 })).toContain('more than 10 members');
  });

  test.each<[string, Buffer, string]>([
    [
      'more bytes than allowed',
      zipBytes({ path: 'big', data: 'x', central: { size: 2 ** 31 } }),
      '"big" exceeds',
    ],
    [
      'more bytes than allowed in zip64',
      zipBytes({ path: 'big', data: 'x', central: { size: 0xffffffff, extra: zip64Extra(2n ** 63n) } }),
      '"big" exceeds',
    ],
    ['a bomb', zipBytes({ path: 'zeros', data: Buffer.alloc(70 * 2 ** 20) }), 'ratio'],
    [
      'a bomb whose header gives one byte',
      zipBytes({ path: 'zeros', data: Buffer.alloc(2 ** 20), local: { size: 1 }, central: { size: 1 } }),
      'not the size that its header gives',
    ],
    [
      'a file shorter than its header says',
      zipBytes({ path: 'short', data: 'abc', local: { size: 9 }, central: { size: 9 } }),
      'not the size that its header gives',
    ],
    [
      'a stored file with two sizes',
      zipBytes({ path: 'a', data: 'abc', method: 0, central: { size: 2 } }),
      'is not a valid zip archive',
    ],
    [
      'other sizes before the data than in the directory',
      zipBytes({ path: 'a', data: 'abc', local: { size: 2 } }),
      'has two different headers',
    ],
    [
      'a false checksum',
      zipBytes({ path: 'a', data: 'abc', local: { crc: 1 }, central: { crc: 1 } }),
      'checksum',
    ],
  ])('%s', async (_, bytes, named) => {
    expect(await refusal(bytes)).toContain(named);
  });

  test('many members that share the same data', async () => {
    const bytes = zipBytes(
      { path: 'kernel', data: 'x'.repeat(1000) },
      { path: 'copy', data: 'x'.repeat(1000), offset: 0, listedOnly: true, local: { path: 'kernel' } },
    );
    // Also where the local header has the right name, because it is inside the data of another member.
    const inner = zipBytes({ path: 'copy', data: 'y' });
    const nested = zipBytes(
      { path: 'kernel', data: inner.subarray(0, 30 + 4 + 3), method: 0 },
      { path: 'copy', data: 'y', offset: 30 + 'kernel'.length, listedOnly: true },
    );
    expect(await refusal(bytes)).toContain('is called "kernel" before its data');
    expect(await refusal(nested)).toContain('share bytes of the archive');
  });
});

describe('a zip is rejected because it is damaged:', () => {
  const whole = zipBytes({ path: 'a', data: Buffer.from(Array.from({ length: 3000 }, (_, at) => at % 251)) });
  test.each<[string, Buffer, string]>([
    ['cut short', whole.subarray(0, 200), 'is cut short'],
    ['bytes after the end', Buffer.concat([whole, Buffer.from('more')]), 'is not a valid zip archive'],
    [
      'a directory beyond the end',
      zipWith({ directoryAt: 2 ** 31 }, { path: 'a' }),
      'is not a valid zip archive',
    ],
    [
      'a zip64 directory beyond all numbers',
      zipWith({ zip64: true, directoryAt: Number.MAX_SAFE_INTEGER }, { path: 'a' }),
      'is not a valid zip archive',
    ],
    [
      'data beyond the end',
      zipBytes({ path: 'a', data: 'x', offset: 2 ** 31 }),
      'is not a valid zip archive',
    ],
    [
      'members that its end does not count',
      zipWith({ count: 1 }, { path: 'a' }, { path: 'b' }),
      'more members than',
    ],
    ['fewer members than its end counts', zipWith({ count: 3 }, { path: 'a' }), 'is not a valid zip archive'],
  ])('%s', async (_, bytes, named) => {
    expect(await refusal(bytes)).toContain(named);
  });

  test('an end of zip64 at a place that no file has', async () => {
    const bytes = zipWith({ zip64: true }, { path: 'a' });
    bytes.fill(0xff, bytes.length - 22 - 12, bytes.length - 22 - 4);
    expect(await refusal(bytes)).toContain('is not a valid zip archive');
  });
});

test('with any changed bytes it is unpacked inside its folder or rejected completely', async () => {
  const bytes = zipWith(
    { zip64: true },
    { path: 'a/b', data: 'x'.repeat(700) },
    { path: 'c\\d', data: 'y', host: 0, mode: 0, flags: 8 },
    { path: 'e/', mode: 0o40755 },
    { path: 'f', data: 'stored', method: 0, central: { size: 0xffffffff, extra: zip64Extra(6) } },
  );
  const change = fc.array(
    fc.oneof(
      fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255), length: fc.constantFrom(1, 2, 4, 8) }),
      fc.record({ at: fc.nat(bytes.length - 1), cut: fc.nat(40) }),
    ),
    { minLength: 1, maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(change, async (changes) => {
      let changed: Buffer = Buffer.from(bytes);
      for (const each of changes) {
        if ('cut' in each) {
          changed = Buffer.concat([changed.subarray(0, each.at), changed.subarray(each.at + each.cut)]);
        } else if (each.at < changed.length) {
          changed.fill(each.value, each.at, Math.min(changed.length, each.at + each.length));
        }
      }
      await expectTakenOrRefused(changed);
    }),
    { numRuns: 300 },
  );
});

test('with members of any name, kind and size it is unpacked inside its folder or rejected completely', async () => {
  const segment = fc.constantFrom('a', 'b', '..', '.', '', 'C:', '__MACOSX', 'A', '\\', 'é', '\ufffd', '\0');
  const size = fc.option(fc.constantFrom(0, 1, 3, 2 ** 31, 0xffffffff), { nil: undefined });
  const member = fc.record({
    path: fc
      .array(segment, { minLength: 1, maxLength: 4 })
      .chain((parts) => fc.constantFrom('/', '\\').map((separator) => parts.join(separator))),
    data: fc.constantFrom('', 'abc', '#!x'),
    mode: fc.constantFrom(0, 0o100644, 0o100755, 0o40755, 0o120777, 0o10644),
    host: fc.constantFrom(0, 3, 10, 19, 255),
    dosAttributes: fc.constantFrom(0, 0x10),
    flags: fc.constantFrom(0, 1, 8, 0x800, 0x2000),
    method: fc.option(fc.constantFrom(0, 8, 9, 99), { nil: undefined }),
    central: fc.record({ size, packedSize: size }).map((given) => JSON.parse(JSON.stringify(given))),
    offset: fc.option(fc.constantFrom(0, 10, 40, 2 ** 32 - 1), { nil: undefined }),
  });
  const usual = fc.record({ path: fc.constantFrom('x', 'y/z'), data: fc.constantFrom('1', '22') });
  const given = fc.array(fc.oneof(usual, member), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(given, async (members) => {
      await expectTakenOrRefused(zipBytes(...(JSON.parse(JSON.stringify(members)) as ZipMember[])));
    }),
    { numRuns: 300 },
  );
});

async function expectTakenOrRefused(bytes: Buffer): Promise<void> {
  const { place, archive, into } = put(bytes);
  const error = await unpackArchive(archive, into).catch((thrown) => thrown);
  const isRefused = error instanceof UserError;
  expect(error === undefined || isRefused).toBe(true);
  expect(existsSync(into)).toBe(!isRefused);
  expect(readdirSync(place).every((name) => name === 'entry.zip' || name === 'entry')).toBe(true);
  rmSync(place, { recursive: true });
}
