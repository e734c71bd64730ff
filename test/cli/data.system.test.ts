import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import sharp from 'sharp';
import { readTrack } from '../../datasets/readTrack.ts';
import { cifarRecords } from '../datasets/madeUpSource.ts';
import { numbered, picture, pictures, put } from '../datasets/sources/folder/pictures.ts';
import { temporaryFolder } from '../datasets/temporaryFolder.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = temporaryFolder();
const haet = (...words: string[]) =>
  execa(process.execPath, [join(root, 'cli/bin.mjs'), 'data', ...words], {
    reject: false,
    cwd: folder.path,
    env: { HAET_CIFAR10: '', HAET_CACHE: join(folder.path, 'no-cache') },
  });

/** Makes a folder with CIFAR-10's layout: 50 records per file. */
async function cifarFolder(): Promise<string> {
  const dir = join(folder.path, 'cifar');
  await mkdir(dir);
  for (const name of [
    'data_batch_1',
    'data_batch_2',
    'data_batch_3',
    'data_batch_4',
    'data_batch_5',
    'test_batch',
  ]) {
    await writeFile(join(dir, `${name}.bin`), cifarRecords(50));
  }
  return dir;
}
const small = ['--train-per-class', '5', '--test-per-class', '2'];

test('make writes a Track and prints it; with --json the last line is the Track', async () => {
  const from = await cifarFolder();
  const said = await haet('make', '--source', 'cifar10', '--from', from, ...small, '--out', 'a');
  expect(said).toMatchObject({ exitCode: 0, stderr: '' });
  expect(said.stdout).toMatch(/Made a: CIFAR-10.*50 training images, 20 held-out images/s);
  const json = await haet('make', '--source', 'cifar10', '--from', from, ...small, '--out', 'b', '--json');
  const made = JSON.parse(json.stdout.split('\n').at(-1)!);
  expect(made).toMatchObject({ dir: join(folder.path, 'b'), duplicates: 0, contradictions: 0 });
  expect(made.track).toEqual(await readTrack(join(folder.path, 'b')));
  expect(made.track.sha256).toEqual((await readTrack(join(folder.path, 'a'))).sha256);
});

test('--test-from test draws the held-out images from the test set of the source', async () => {
  const from = await cifarFolder();
  const make = (...words: string[]) =>
    haet(
      'make',
      '--source',
      'cifar10',
      '--from',
      from,
      '--train-per-class',
      '25',
      '--test-per-class',
      '5',
      ...words,
    );
  const refused = await make('--out', 'a');
  expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
  expect(refused.stderr).toMatch(/"airplane" has 25 distinct images, but 30 \(25 to train \+ 5 to test\)/);
  expect(await make('--out', 'b', '--test-from', 'test')).toMatchObject({ exitCode: 0 });
});

describe('a secret sample', () => {
  const from = ['--source', 'cifar10', '--from', 'cifar', ...small];

  test('--new-secret creates a private secret file, and --secret draws the same Track', async () => {
    await cifarFolder();
    const made = await haet('make', ...from, '--new-secret', 'secret.txt', '--out', 'a');
    expect(made).toMatchObject({ exitCode: 0, stderr: '' });
    expect(made.stdout).toContain(`The secret is in ${join(folder.path, 'secret.txt')}`);
    const secret = await readFile(join(folder.path, 'secret.txt'), 'utf8');
    expect(secret).toMatch(/^[0-9a-f]{64}\n$/);
    expect((await stat(join(folder.path, 'secret.txt'))).mode & 0o777).toBe(0o600);
    const again = await haet('make', ...from, '--secret', 'secret.txt', '--out', 'b', '--json');
    const { track } = JSON.parse(again.stdout);
    expect(track).toEqual(await readTrack(join(folder.path, 'a')));
    expect((await haet('show', 'a')).stdout).toContain(
      `Drawn by the secret with sha256 ${track.seed.secretSha256}`,
    );
    await haet('make', ...from, '--new-secret', 'other.txt', '--out', 'c');
    expect((await readTrack(join(folder.path, 'c'))).sha256).not.toEqual(track.sha256);
    expect(made.stdout + again.stdout).not.toContain(secret.trim());
  });

  test.each<[string, string[], RegExp]>([
    [
      'an existing file',
      [...from, '--new-secret', 'bad.txt'],
      /^haet: bad\.txt: exists and is never overwritten/,
    ],
    [
      'an invalid secret',
      [...from, '--secret', 'bad.txt'],
      /^haet: bad\.txt: is not a sampling secret: expected 64 hexadecimal digits/,
    ],
    [
      'a secret readable by others',
      [...from, '--secret', 'open.txt'],
      /^haet: open\.txt: .* `chmod 600 open\.txt`/,
    ],
    ['none there', [...from, '--secret', 'none.txt'], /^haet: none\.txt: cannot be read \(ENOENT\)/],
    ['a seed beside it', [...from, '--secret', 'bad.txt', '--seed', '1'], /'--secret <file>' cannot be used/],
    ['a secret beside a new one', [...from, '--secret', 'a', '--new-secret', 'b'], /cannot be used with/],
    [
      'a source that is computed from a seed',
      ['--source', 'synthetic', ...small, '--new-secret', 'new.txt'],
      /^haet: --source synthetic cannot be hidden by a secret/,
    ],
    [
      'a Track that cannot be drawn',
      [...from, '--train-per-class', '100', '--new-secret', 'new.txt'],
      /"airplane" has \d+ distinct images, but 102/,
    ],
  ])('is rejected and leaves nothing: %s', async (_, words, reason) => {
    await cifarFolder();
    await writeFile(join(folder.path, 'bad.txt'), 'f'.repeat(63), { mode: 0o600 });
    await writeFile(join(folder.path, 'open.txt'), 'f'.repeat(64));
    await chmod(join(folder.path, 'open.txt'), 0o640);
    const said = await haet('make', ...words, '--out', 'a');
    expect(said).toMatchObject({ exitCode: 2, stdout: '' });
    expect(said.stderr).toMatch(reason);
    expect(said.stderr).not.toContain('ffff');
    expect((await readdir(folder.path)).sort()).toEqual(['bad.txt', 'cifar', 'open.txt']);
  });
});

test('show checks a Track, counts its classes and writes a contact sheet', async () => {
  await haet('make', '--source', 'synthetic', ...small, '--out', 'a');
  const said = await haet('show', 'a');
  expect(said).toMatchObject({ exitCode: 0, stderr: '' });
  expect(said.stdout).toMatch(/sign a +5 +2\n/);
  const { width, height, format } = await sharp(join(folder.path, 'a/contact-sheet.png')).metadata();
  expect({ format, tall: height! > 600, wide: width! > 1000 }).toEqual({
    format: 'png',
    tall: true,
    wide: true,
  });
  const json = await haet('show', 'a', '--sheet', 'mine.png', '--per-class', '2', '--json');
  expect(JSON.parse(json.stdout.split('\n').at(-1)!)).toMatchObject({
    sheet: join(folder.path, 'mine.png'),
    classes: expect.arrayContaining([{ name: 'sign d', train: 5, test: 2 }]),
  });
});

test('a folder of images by class becomes a Track', async () => {
  for (const [red, name] of ['cat', 'dog'].entries()) {
    await mkdir(join(folder.path, 'pets', name), { recursive: true });
    for (let green = 0; green < 7; green++) {
      await sharp({
        create: { width: 50, height: 40, channels: 3, background: { r: red * 200, g: green * 30, b: 0 } },
      })
        .png()
        .toFile(join(folder.path, 'pets', name, `${green}.png`));
    }
  }
  const made = await haet('make', '--source', 'folder', '--from', 'pets', ...small, '--out', 'a', '--json');
  expect(JSON.parse(made.stdout).track).toMatchObject({
    classes: ['cat', 'dog'],
    trainSize: 10,
    testSize: 4,
  });
});

describe('a folder of images', () => {
  const make = (...words: string[]) =>
    haet(
      'make',
      '--source',
      'folder',
      '--from',
      'in',
      '--train-per-class',
      '2',
      '--test-per-class',
      '1',
      ...words,
    );
  const write = (paths: string[]) => pictures(join(folder.path, 'in'), paths);

  test('may have its labels in a table', async () => {
    await write([...numbered('train', 6), ...numbered('test', 2)]);
    await put(folder.path, 'in/trainLabels.csv', `id,label\n1,cat\n2,cat\n3,cat\n4,dog\n5,dog\n6,dog\n`);
    const refused = await make('--out', 'a');
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toMatch(
      /^haet: in: has no class folders: test, train .*--labels trainLabels\.csv/,
    );
    const made = await make('--out', 'a', '--labels', 'trainLabels.csv');
    expect(made.stderr).toMatch(
      /^haet: 2 images without a row in in\/trainLabels\.csv, not used: in\/test\/1\.png, in\/test\/2\.png\./,
    );
    expect((await readTrack(join(folder.path, 'a'))).classes).toEqual(['cat', 'dog']);
  });

  test('has all its unreadable files listed, one per line; without them the Track says so', async () => {
    await write([...numbered('cat', 3), ...numbered('dog', 3)]);
    for (let number = 10; number < 31; number++) await put(folder.path, `in/cat/${number}\n.png`, '');
    const refused = await make('--out', 'a');
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    const lines = refused.stderr.split('\n');
    expect(lines).toHaveLength(22);
    expect(lines[0]).toMatch(/^haet: in: 21 files or folders cannot be used\. .*--skip-unreadable\.$/);
    expect(lines[1]).toBe('  in/cat/10\ufffd.png: is not a readable image (it is empty, 0 bytes)');
    expect(lines[21]).toBe('  and 1 more; the whole list is in a-unreadable.txt');
    expect((await readFile(join(folder.path, 'a-unreadable.txt'), 'utf8')).split('\n')).toHaveLength(22);
    const made = await make('--out', 'a', '--skip-unreadable');
    expect(made.exitCode).toBe(0);
    expect(made.stdout).toContain('Warning: Left out cat/10\ufffd.png: is not a readable image');
    expect((await haet('show', 'a')).stdout).toContain('Warning: Left out 1 more files that cannot be read.');
  });

  test('with copies is refused unless --allow-copies is given; near-copies are a warning', async () => {
    await write([...numbered('cat', 3), ...numbered('dog', 3)]);
    await put(folder.path, 'in/cat/4.png', await picture(0));
    await put(
      folder.path,
      'in/dog/4.jpg',
      await sharp(await picture(3))
        .jpeg({ quality: 60 })
        .toBuffer(),
    );
    expect(await make('--out', 'a')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/1 of 4 images of "cat" .*cat\/1\.png and cat\/4\.png.*--allow-copies/),
    });
    const made = await make(
      '--out',
      'a',
      '--allow-copies',
      '--train-per-class',
      '1',
      '--test-per-class',
      '2',
    );
    expect(made.exitCode).toBe(0);
    expect(made.stdout).toContain(
      'Skipped 1 images with the same pixels as another once decoded (such as cat/1.png and cat/4.png).',
    );
    const all = await make('--out', 'b', '--allow-copies', '--json');
    expect(JSON.parse(all.stdout)).toMatchObject({ duplicates: 1, example: ['cat/1.png', 'cat/4.png'] });
  });

  test('may be in each of the formats that --help lists', async () => {
    expect((await haet('make', '--help')).stdout).toContain(
      'Image formats read: JPEG, PNG, WebP, GIF, TIFF, AVIF and SVG',
    );
  });
});

describe('a mistake is reported in one sentence with status 2, and nothing is written:', () => {
  test.each<[string, string[], RegExp]>([
    [
      'no such file',
      ['--source', 'cifar10', '--from', 'none.tar.gz'],
      /^haet: --from none\.tar\.gz: does not exist/,
    ],
    [
      'a file that is not an archive',
      ['--source', 'cifar10', '--from', 'taken/thesis.txt'],
      /^haet: taken\/thesis\.txt/,
    ],
    ['a folder source without --from', ['--source', 'folder'], /^haet: --source folder needs --from/],
    [
      '--from with synthetic',
      ['--source', 'synthetic', '--from', 'x'],
      /^haet: --from x: --source synthetic reads no file/,
    ],
    [
      'a table of labels with synthetic',
      ['--source', 'synthetic', '--labels', 'x.csv'],
      /^haet: --labels: --source synthetic does not take it/,
    ],
    ['--test-from with synthetic', ['--source', 'synthetic', '--test-from', 'test'], /has no test set/],
    ['an unknown source', ['--source', 'imagenet'], /imagenet.*cifar10/s],
    [
      'a folder without Fashion-MNIST',
      ['--source', 'fashion-mnist', '--from', 'taken'],
      /^haet: taken\/train-images-idx3-ubyte\.gz: cannot be read/,
    ],
    [
      'a size of zero',
      ['--source', 'synthetic', '--train-per-class', '0'],
      /--train-per-class.*Expected an integer from 1/s,
    ],
  ])('%s', async (_, words, reason) => {
    await mkdir(join(folder.path, 'taken'));
    await writeFile(join(folder.path, 'taken', 'thesis.txt'), 'dear');
    const said = await haet('make', ...words, '--out', 'a');
    expect(said).toMatchObject({ exitCode: 2, stdout: '' });
    expect(said.stderr).toMatch(reason);
    expect(said.stderr).not.toMatch(/\n\s+at /);
    expect(await readdir(folder.path)).toEqual(['taken']);
  });

  test('make keeps the content of a folder that is not empty', async () => {
    await mkdir(join(folder.path, 'taken'));
    await writeFile(join(folder.path, 'taken', 'thesis.txt'), 'dear');
    const said = await haet('make', '--source', 'synthetic', ...small, '--out', 'taken');
    expect(said).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/--out .*taken: exists and is not empty/),
    });
    expect(await readFile(join(folder.path, 'taken', 'thesis.txt'), 'utf8')).toBe('dear');
  });

  test('show of a folder that is not a Track', async () => {
    const said = await haet('show', 'nothing');
    expect(said).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^haet: nothing: is not a Track/),
    });
  });
});

const archive = process.env.HAET_CIFAR10;
const mayBeMissing = process.env.CI_REQUIRE_CIFAR10 === undefined;
(archive || !mayBeMissing ? test : test.skip)(
  `the real CIFAR-10 becomes a Track of 5,000 + 1,000${archive ? '' : ' (HAET_CIFAR10 is not set)'}`,
  async () => {
    if (archive === undefined) throw new Error('set HAET_CIFAR10: CI_REQUIRE_CIFAR10 asks for CIFAR-10');
    const said = await haet('make', '--source', 'cifar10', '--from', archive, '--out', 'a', '--json');
    const { track } = JSON.parse(said.stdout.split('\n').at(-1)!);
    expect(track).toMatchObject({ trainSize: 5000, testSize: 1000, seed: 1 });
    expect(track.classes).toHaveLength(10);
    const again = await haet('make', '--source', 'cifar10', '--from', archive, '--out', 'b', '--json');
    expect(JSON.parse(again.stdout.split('\n').at(-1)!).track).toEqual(track);
  },
);
