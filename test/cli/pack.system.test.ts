import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import { temporaryFolder } from '../datasets/temporaryFolder.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = temporaryFolder();
const haet = (...words: string[]) =>
  execa(process.execPath, [join(root, 'cli/bin.mjs'), ...words], { reject: false, cwd: folder.path });
const example = join(root, 'examples/shell');

test('packs an entry and checks its archive, as text and as JSON', async () => {
  const packed = await haet('pack', example, '--out', 'entry.tar.gz', '--json');
  expect(packed).toMatchObject({ exitCode: 0, stderr: '' });
  const { sha256, files } = JSON.parse(packed.stdout);
  expect(files).toEqual(['README.md', 'haet.json', 'predict.sh', 'train.sh']);
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);

  const said = await haet('check', 'entry.tar.gz');
  expect(said.exitCode).toBe(0);
  expect(said.stdout).toContain('ready to send');
  const ofArchive = JSON.parse((await haet('check', 'entry.tar.gz', '--json')).stdout);
  const ofFolder = JSON.parse((await haet('check', example, '--json')).stdout);
  expect(ofArchive).toEqual(ofFolder);
});

test('rejects a folder that is not an entry with one sentence and status 2, and leaves no archive', async () => {
  await mkdir(join(folder.path, 'empty'));
  const packed = await haet('pack', 'empty', '--out', 'none.tar.gz');
  expect(packed.exitCode).toBe(2);
  expect(packed.stderr).toContain('haet.json');
  expect(packed.stderr).not.toContain('    at ');
  expect((await readdir(folder.path)).filter((name) => name.startsWith('none'))).toEqual([]);

  await writeFile(join(folder.path, 'noise.tar.gz'), 'not an archive at all');
  const checked = await haet('check', 'noise.tar.gz');
  expect(checked.exitCode).toBe(2);
  expect(checked.stderr).toContain('noise.tar.gz');
  expect(checked.stderr.trim().split('\n')).toHaveLength(1);
});

test('check applies the given limits of intake, and names the exceeded one', async () => {
  await haet('pack', example, '--out', 'limits.tar.gz');
  for (const [option, reason] of [
    ['--max-archive-bytes', /maximum 1/],
    ['--max-unpacked-bytes', /exceeds 1 unpacked bytes/],
    ['--max-files', /more than 1 members/],
  ] as const) {
    const { exitCode, stderr } = await haet('check', 'limits.tar.gz', option, '1');
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringMatching(reason) });
  }
  expect((await haet('check', 'limits.tar.gz', '--max-files', '4')).exitCode).toBe(0);
});
