import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { sha256 } from '../../../datasets/sha256.ts';
import { listArchives } from '../../../evaluator/grade/listArchives.ts';
import { addReceipts } from '../../../evaluator/grade/receipts.ts';
import { archiveLimitsSchema } from '../../../evaluator/intake/limits.ts';
import { packEntry } from '../../../evaluator/intake/packEntry.ts';
import { makeEntry, temporaryFolder } from '../fixtures.ts';

let folder: string;
let good: Buffer;
let archives: string;
let out: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  await packEntry(await makeEntry(folder), join(folder, 'good.tar.gz'));
  good = await readFile(join(folder, 'good.tar.gz'));
});
beforeEach(async () => {
  archives = await mkdtemp(join(folder, 'archives-'));
  out = await mkdtemp(join(folder, 'out-'));
});

const put = (name: string, content: string | Uint8Array) => writeFile(join(archives, name), content);
async function receive(limits = {}): Promise<string[]> {
  const listed = await listArchives(archives);
  await addReceipts(out, archives, listed, archiveLimitsSchema.parse(limits));
  return (await readFile(join(out, 'receipts.csv'), 'utf8')).trimEnd().split('\r\n');
}
const time = '\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z';
const line = (file: string, hash: string, intake: string) =>
  expect.stringMatching(new RegExp(`^${file},${hash},${time},${intake}$`));

test('every file has a receipt: archives that intake accepts or rejects, and what is left out', async () => {
  await put('a.tar.gz', good);
  await put('bad, "x".tar', 'not a tar');
  await put('=notes.txt', 'hello');
  await mkdir(join(archives, 'sub'));
  await symlink('/etc/passwd', join(archives, 'link.tar'));
  expect(await receive()).toEqual([
    'file,sha256,first_seen,intake',
    line("'=notes.txt", sha256(Buffer.from('hello')), 'left out: its name does not end in .*|".*"'),
    line('link.tar', '', 'left out: not a regular file'),
    line('sub', '', '"left out: a folder, not an archive"'),
    line('a.tar.gz', sha256(good), 'accepted'),
    line('"bad, ""x"".tar"', sha256(Buffer.from('not a tar')), '"?rejected: .*'),
  ]);
});

test('a receipt keeps its time: a later call adds only new bytes and new names, and a removed file keeps its line', async () => {
  await put('a.tar.gz', good);
  const first = await receive();
  expect(await receive()).toEqual(first);
  await rm(join(archives, 'a.tar.gz'));
  await put('b.tar.gz', good);
  const second = await receive();
  expect(second.slice(0, 2)).toEqual(first);
  expect(second.slice(2)).toEqual([line('b.tar.gz', sha256(good), 'accepted')]);
  await put('b.tar.gz', 'other bytes');
  const third = await receive();
  expect(third.slice(0, 3)).toEqual(second);
  expect(third).toHaveLength(4);
});

test('two forms of one name are received as such, and each as an entry once the other is gone', async () => {
  await put('a.tar.gz', good);
  await put('a.tgz', 'x');
  const before = await receive();
  expect(before[1]).toContain('"not run: a.tgz has the same name in another form');
  await rm(join(archives, 'a.tgz'));
  expect((await receive()).slice(3)).toEqual([line('a.tar.gz', sha256(good), 'accepted')]);
});

test('what was rejected is checked again under other limits; what was accepted is not', async () => {
  await put('a.tar.gz', good);
  const first = await receive({ members: 1 });
  expect(first[1]).toContain('rejected: ');
  const second = await receive();
  expect(second).toEqual([...first, line('a.tar.gz', sha256(good), 'accepted')]);
  expect(await receive({ members: 1 })).toEqual(second);
});

test.each(['', 'file,sha256\r\n', 'file,sha256,first_seen,intake\r\na,b'])(
  'a damaged file is refused and left as it is: %j',
  async (text) => {
    await put('a.tar.gz', good);
    await writeFile(join(out, 'receipts.csv'), text);
    await expect(receive()).rejects.toThrow(
      `${join(out, 'receipts.csv')}: is not a list of receipts as haet writes it. Restore it`,
    );
    expect(await readFile(join(out, 'receipts.csv'), 'utf8')).toBe(text);
  },
);
