import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { makeIdentity } from '../../datasets/sealing/makeIdentity.ts';
import { readIdentity } from '../../datasets/sealing/readIdentity.ts';
import { sha256 } from '../../datasets/sha256.ts';
import { deriveSigningKey, publicVerifyKey } from '../../evaluator/attest/signingKey.ts';
import { lockFolder } from '../../evaluator/machine/lockFolder.ts';
import { temporaryFolder } from '../evaluator/fixtures.ts';
import { addRun, headOf, makeGrading } from '../evaluator/grade/bundle/madeUpGrading.ts';

const bin = fileURLToPath(new URL('../../cli/bin.mjs', import.meta.url));
let folder: string;
let verifyKey: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  folder = await temporaryFolder();
  await makeIdentity(at('identity.txt'), 'a test');
  const signer = deriveSigningKey(await readIdentity(at('identity.txt')));
  verifyKey = publicVerifyKey(signer);
  await makeGrading(at('signed'), { signed: true, signer });
  await makeGrading(at('open'));
});

async function haet(...words: string[]) {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [bin, ...words], {
    reject: false,
    cwd: folder,
  });
  return { exitCode, stdout, stderr };
}
const lastLine = (text: string) => JSON.parse(text.trim().split('\n').at(-1)!);

test('a grading is exported, and anyone verifies the bundle with the key and the head that were published', async () => {
  const words = ['export', 'signed', '--out', 'records.tar.gz', '--json'];
  expect((await haet(...words)).stderr).toContain('--identity: is missing, but the runs are signed');
  const exported = await haet(...words, '--identity', 'identity.txt');
  const hash = sha256(await readFile(at('records.tar.gz')));
  expect(lastLine(exported.stdout)).toMatchObject({ sha256: hash });
  const published = ['--key', verifyKey, '--head', await headOf(at('signed'))];
  const verified = await haet('verify', 'records.tar.gz', ...published, '--json');
  expect(lastLine(verified.stdout)).toMatchObject({
    holds: true,
    sha256: hash,
    signed: 5,
    notChecked: [expect.stringContaining('whether a later bundle was exported')],
    leaderboard: {
      rows: [
        { archive: 'a.tar.gz', rank: 1 },
        { archive: 'b.tar.gz', baseline: true },
      ],
    },
  });
  expect(await haet('verify', 'records.tar.gz')).toMatchObject({
    exitCode: 1,
    stdout: expect.stringMatching(/FAILS {2}grading .*its runs are signed with "haet1.*no key was given/),
  });
  const bytes = await readFile(at('records.tar.gz'));
  await writeFile(at('cut.tar.gz'), bytes.subarray(0, bytes.length - 50));
  const cut = await haet('verify', 'cut.tar.gz', ...published);
  expect(cut).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('cut.tar.gz does not hold: ') });
});

test.each<[string[], string]>([
  [['export', 'open', '--out', 'x.zip'], '--out x.zip: must end in .tar.gz or .tgz'],
  [['export', 'none', '--out', 'x.tar.gz'], 'none: is not a folder'],
  [['export', 'open', '--out', 'x.tar.gz', '--reveal', 'r.json'], '--reveal: needs --commitment'],
  [['verify', 'records.tar.gz', 'records.tar.gz'], 'a bundle is verified by itself'],
  [['verify', 'none.tar.gz'], 'none.tar.gz: cannot be read (ENOENT'],
  [['verify', 'records.tar.gz', '--head', 'f'.repeat(64)], '--head needs --key'],
  [['verify', 'records.tar.gz', '--archive', 'a'], '--archive: applies to one run'],
  [['rejudge', 'start', 'open', 'a*', '--reason', ' '], '--reason: must have 1 to 500 characters, not 0'],
  [['rejudge', 'start', 'open', 'a*', '--reason', 'r', '--verdict', 'BAD'], '--verdict BAD: no such verdict'],
  [['rejudge', 'apply', 'open'], 'no rejudging is open'],
])('haet %j is refused with status 2', async (words, why) => {
  const { exitCode, stderr } = await haet(...words);
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(why) });
});

test('a rejudging is started, shown and applied; no other process works in the folder meanwhile', async () => {
  const started = await haet(
    'rejudge',
    'start',
    'open',
    'a*',
    '--seed',
    '1',
    '--reason',
    'a new disk',
    '--json',
  );
  expect(lastLine(started.stdout)).toEqual({ number: 1, runs: 1 });
  await addRun(at('open'), { archive: 'a', run: 'r9', name: 'A', correct: 700, attempt: 2 });
  const shown = await haet('rejudge', 'show', 'open');
  expect(shown.stdout).toContain('  a.tar.gz, seed 1: SCORED 90.00 % -> SCORED 70.00 %');
  const unlock = lockFolder(at('open'));
  expect((await haet('rejudge', 'apply', 'open')).stderr).toContain('in use by process');
  unlock();
  const applied = await haet('rejudge', 'apply', 'open', '--json');
  expect(lastLine(applied.stdout)).toMatchObject({ state: 'applied', missing: 0 });
  expect(await readFile(at('open/public/leaderboard.csv'), 'utf8')).toContain('replaced by a rejudging');
  expect((await haet('export', 'open', '--out', 'rejudged.tar.gz')).exitCode).toBe(0);
  expect((await haet('verify', 'rejudged.tar.gz')).exitCode).toBe(0);
});
