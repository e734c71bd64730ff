import { mkdtempSync } from 'node:fs';
import { appendFile, chmod, cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { lockFolder } from '../../evaluator/machine/lockFolder.ts';
import type { RunRecord } from '../../evaluator/run/record.ts';
import { describeWith } from '../evaluator/fixtures.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = { path: mkdtempSync(join(tmpdir(), 'haet-test-')) };
afterAll(() => rm(folder.path, { recursive: true }));
const haet = (...words: string[]) =>
  execa(process.execPath, [join(root, 'cli/bin.mjs'), ...words], { reject: false, cwd: folder.path });
const lastLine = (text: string) => JSON.parse(text.trim().split('\n').at(-1)!);
const example = join(root, 'examples/shell');

const withUser = await describeWith('user');

withUser('haet official with an entry as another user on the same files', () => {
  test('makes earlier runs in --out unreadable, unfinished ones too, and locks the folder', async () => {
    const at = (...names: string[]) => join(folder.path, ...names);
    await chmod(folder.path, 0o755);
    const sizes = ['--train-per-class', '10', '--test-per-class', '10', '--seed', '1'];
    await haet('data', 'make', '--source', 'synthetic', ...sizes, '--out', 'seen');
    await cp(example, at('thief'), { recursive: true });
    // The entry logs what it can read of another run.
    const search = `cat "${at('rivals')}"/unfinished/model/weights; echo looked\n`;
    await appendFile(at('thief', 'train.sh'), search);
    await mkdir(at('rivals', 'unfinished', 'model'), { recursive: true });
    await writeFile(at('rivals', 'unfinished', 'model', 'weights'), 'secret');
    await writeFile(at('rivals', 'note'), 'secret');
    const words = ['--sandbox', 'user', '--track', 'seen', '--entry', at('thief'), '--out', at('rivals')];
    const run = await haet('official', ...words, '--budget', '20', '--json');
    expect({ code: run.exitCode, said: run.stderr }).toMatchObject({ code: 0 });
    const record: RunRecord = lastLine(run.stdout);
    expect(await readFile(join(record.folder, 'train.stdout.log'), 'utf8')).toBe('looked\n');
    expect(await readFile(join(record.folder, 'train.stderr.log'), 'utf8')).toContain('Permission denied');
    expect((await stat(at('rivals', 'unfinished'))).mode & 0o777).toBe(0o700);
    for (const file of ['note', '.lock']) expect((await stat(at('rivals', file))).mode & 0o777).toBe(0o600);

    const unlock = lockFolder(at('rivals'));
    const second = await haet('official', ...words, '--budget', '20');
    unlock();
    expect(second).toMatchObject({ exitCode: 2, stdout: '' });
    expect(second.stderr).toMatch(/rivals: in use by process \d+/);
  });
});
