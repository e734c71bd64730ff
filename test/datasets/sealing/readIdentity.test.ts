import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { generateX25519Identity } from 'age-encryption';
import { publicKeyOf } from '../../../datasets/sealing/age.ts';
import { makeIdentity } from '../../../datasets/sealing/makeIdentity.ts';
import { readIdentity } from '../../../datasets/sealing/readIdentity.ts';
import { UserError } from '../../../datasets/userError.ts';
import { temporaryFolder } from '../temporaryFolder.ts';

const folder = temporaryFolder();
const file = () => join(folder.path, 'identity.txt');
const put = (text: string | Buffer) => writeFile(file(), text, { mode: 0o600 });

test("creates a private identity file in age's format and reads it", async () => {
  const publicKey = await makeIdentity(file(), 'a test');
  expect((await stat(file())).mode & 0o777).toBe(0o600);
  const lines = (await readFile(file(), 'utf8')).split('\n');
  expect(lines).toEqual([
    '# a test',
    expect.stringMatching(/^# created: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    `# public key: ${publicKey}`,
    expect.stringMatching(/^AGE-SECRET-KEY-1[0-9A-Z]{58}$/),
    '',
  ]);
  expect(await readIdentity(file())).toBe(lines[3]);
  expect(await publicKeyOf(lines[3]!)).toBe(publicKey);
});

test('an identity file is never overwritten', async () => {
  await makeIdentity(file(), 'a test');
  const before = await readFile(file(), 'utf8');
  await expect(makeIdentity(file(), 'a test')).rejects.toThrow(/exists and is never overwritten/);
  expect(await readFile(file(), 'utf8')).toBe(before);
});

test('comments, empty lines and other line endings are accepted', async () => {
  const key = await generateX25519Identity();
  await put(`# a\r\n\r\n  # AGE-SECRET-KEY-1OLD\r\n${key} \r\n#end`);
  expect(await readIdentity(file())).toBe(key);
});

test.each(['640', '604', '660', '620', '601'])(
  'rejects mode %s, which lets others read it, with the remedy',
  async (mode) => {
    await makeIdentity(file(), 'a test');
    await chmod(file(), Number.parseInt(mode, 8));
    await expect(readIdentity(file())).rejects.toThrow(`chmod 600 ${file()}`);
    await chmod(file(), 0o400);
    await expect(readIdentity(file())).resolves.toContain('AGE-SECRET-KEY-1');
  },
);

test('rejects a file without exactly one key, and does not repeat it', async () => {
  const [one, other] = [await generateX25519Identity(), await generateX25519Identity()];
  const cases: [string | Buffer, RegExp][] = [
    ['', /contains 0 lines/],
    ['# only words\n', /contains 0 lines/],
    [`${one}\n${other}\n`, /contains 2 lines/],
    [`${one}\nand more\n`, /contains 2 lines/],
    [`# key\n${one.slice(0, -2)}\n`, /line 2: the identity is not an age secret key/],
    [one.toLowerCase(), /line 1: the identity is not an age secret key/],
    [await publicKeyOf(one), /line 1: the identity is not an age secret key/],
    [Buffer.alloc(100_000, 'x'), /has 100000 bytes/],
  ];
  for (const [text, reason] of cases) {
    await put(text);
    const refused = await readIdentity(file()).catch((error) => error);
    expect(refused).toBeInstanceOf(UserError);
    expect(refused.message).toMatch(reason);
    expect(refused.message).toContain(file());
    expect(refused.message.toUpperCase()).not.toContain(one.slice(20, 40));
  }
});

test('rejects a missing file and a folder', async () => {
  await expect(readIdentity(file())).rejects.toThrow(/identity\.txt: cannot be read \(ENOENT\)/);
  await mkdir(file());
  await expect(readIdentity(file())).rejects.toThrow(/not a regular file/);
});
