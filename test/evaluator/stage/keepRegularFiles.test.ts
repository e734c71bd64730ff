import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, link, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { hashFolder, listFiles } from '../../../evaluator/intake/loadEntry.ts';
import { pruneModel } from '../../../evaluator/run/pruneModel.ts';
import { keepPredictions, keepRegularFiles } from '../../../evaluator/stage/keepRegularFiles.ts';
import { temporaryFolder } from '../fixtures.ts';

let scratch: string;
let folder: string;
/** A file next to the output folder, which must not change. */
let outside: string;
beforeAll(async () => {
  scratch = await temporaryFolder();
});
afterAll(() => rm(scratch, { recursive: true, force: true }));
beforeEach(async () => {
  const place = await mkdtemp(join(scratch, 'case-'));
  folder = join(place, 'out');
  outside = join(place, 'outside');
  await mkdir(folder);
  await mkdir(outside, { mode: 0o500 });
  await chmod(outside, 0o700);
  await writeFile(join(outside, 'secret'), 'secret', { mode: 0o400 });
});

const sh = (script: string) => execFileSync('sh', ['-c', script], { cwd: folder });
const modeOf = (path: string) => (lstatSync(path).mode & 0o7777).toString(8);

describe('the output of a train stage', () => {
  test('keeps regular files with their bytes, and nothing else', async () => {
    sh(`mkdir -p sub; printf weights > sub/model; printf '<script>' > page.html
      ln -s "${outside}" link; ln -s "${outside}/secret" sub/file-link; mkfifo pipe
      ln -s / root; printf x > "$(printf 'bad-\\377')"; mkdir "$(printf 'dir-\\377')"; printf x > "$(printf 'dir-\\377')/below"`);
    expect(await keepRegularFiles(folder)).toEqual({ files: 2, bytes: 15, removed: 6 });
    expect(await listFiles(folder)).toEqual(['page.html', 'sub/model']);
    expect(readFileSync(join(folder, 'sub/model'), 'utf8')).toBe('weights');
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
  });

  test('is cleaned without touching anything behind a link, not even its mode', async () => {
    const before = [outside, join(outside, 'secret')].map((path) => statSync(path).ctimeMs);
    await symlink(outside, join(folder, 'link'));
    await link(join(outside, 'secret'), join(folder, 'hard'));
    const linked = statSync(join(outside, 'secret')).ctimeMs;
    expect((await keepRegularFiles(folder)).files).toBe(1);
    expect([modeOf(outside), modeOf(join(outside, 'secret'))]).toEqual(['700', '400']);
    expect(statSync(outside).ctimeMs).toBe(before[0]);
    expect(statSync(join(outside, 'secret')).nlink).toBe(1);
    expect(linked).toBeGreaterThanOrEqual(before[1]!);
    expect(readFileSync(join(folder, 'hard'), 'utf8')).toBe('secret');
  });

  test('loses a sparse file with a second name, because a copy of it would fill the holes', async () => {
    await writeFile(join(folder, 'holes'), '');
    await truncate(join(folder, 'holes'), 2 ** 40);
    await link(join(folder, 'holes'), join(outside, 'holes'));
    expect(await keepRegularFiles(folder)).toEqual({ files: 0, bytes: 0, removed: 1 });
  });

  test('gets plain modes: no set-id bits, everything accessible, programs still executable', async () => {
    sh('printf a > a; chmod 000 a; printf b > b; chmod 6755 b; mkdir c; printf d > c/d; chmod 000 c; ln a e');
    expect(await keepRegularFiles(folder)).toEqual({ files: 4, bytes: 4, removed: 0 });
    expect(['a', 'b', 'c', 'c/d', 'e'].map((name) => modeOf(join(folder, name)))).toEqual([
      '644',
      '755',
      '755',
      '644',
      '644',
    ]);
  });

  test('is cut where a tree is deeper than a path can name', async () => {
    sh(`name=$(printf 'deep%.0s' $(seq 50)); i=0
      while [ $i -lt 40 ]; do mkdir $name && cd -P $name || exit 1; i=$((i + 1)); done; printf x > bottom`);
    const kept = await keepRegularFiles(folder);
    expect(kept).toEqual({ files: 0, bytes: 0, removed: 1 });
    expect(await listFiles(folder)).toEqual([]);
  });

  test('counts holes by their length', async () => {
    await writeFile(join(folder, 'sparse'), '');
    await truncate(join(folder, 'sparse'), 2 ** 40);
    expect((await keepRegularFiles(folder)).bytes).toBe(2 ** 40);
  });

  test('becomes an empty folder if it is a link itself', async () => {
    await rm(folder, { recursive: true });
    await symlink(outside, folder);
    expect((await keepRegularFiles(folder)).files).toBe(0);
    expect(lstatSync(folder).isDirectory()).toBe(true);
    expect(readdirSync(outside)).toEqual(['secret']);
  });
});

describe('the output of a predict stage', () => {
  test('keeps only predictions.npy', async () => {
    sh(`printf scores > predictions.npy; head -c 1000000 /dev/zero > ballast; mkdir -p a/b; printf x > a/b/c
      ln -s "${outside}" link; printf x > "$(printf 'predictions.npy\\377')"`);
    expect(await keepPredictions(folder)).toBe('file');
    expect(readdirSync(folder)).toEqual(['predictions.npy']);
    expect(readFileSync(join(folder, 'predictions.npy'), 'utf8')).toBe('scores');
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
  });

  test.each([
    ['nothing', 'printf x > other'],
    ['symbolic link', 'printf x > real; ln -s real predictions.npy'],
    ['pipe', 'mkfifo predictions.npy'],
    ['folder', 'mkdir predictions.npy; printf x > predictions.npy/x'],
  ])('has %s in its place removed and named', async (kind, script) => {
    sh(script);
    expect(await keepPredictions(folder)).toBe(kind);
    expect(readdirSync(folder)).toEqual([]);
  });
});

test('a pruned model contains only a small settings.json', async () => {
  sh('mkdir -p a/b; printf x > a/b/c; printf w > model; printf "{}" > settings.json');
  const before = await hashFolder(folder);
  await pruneModel(folder);
  expect(readdirSync(folder)).toEqual(['settings.json']);
  expect(await hashFolder(folder)).not.toBe(before);
  sh('head -c 70000 /dev/zero > settings.json');
  await pruneModel(folder);
  expect(existsSync(join(folder, 'settings.json'))).toBe(false);
});
