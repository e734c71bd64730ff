// What an ordinary user finds on a machine that root set up, and what a user without a usable home, temporary folder or
// current folder is told. Root starts haet as a user that no user database knows.
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { packEntry } from '../../evaluator/intake/packEntry.ts';
import { folderWithTrack, makeEntry } from '../evaluator/fixtures.ts';

const bin = resolve('cli/bin.mjs');
const user = 61_234;
const asUser = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
/** Root can become another user, and that user can read this clone and start Node. */
const canBecome =
  spawnSync(asUser[0]!, [...asUser.slice(1), process.execPath, bin, '--version']).status === 0;
/** In CI, which is root, a test that is skipped has found a fault. */
const suite = canBecome || process.env.HAET_EVERY_SANDBOX ? describe : describe.skip;

let folder: string;
let trackDir: string;
let entry: string;
let archive: string;
let cifar10: string;
/** Folders of root that the user can read, of the user, and of nobody else. */
let ofRoot: string;
let home: string;
beforeAll(async () => {
  ({ folder, trackDir } = await folderWithTrack());
  await chmod(folder, 0o755);
  entry = await makeEntry(folder);
  spawnSync('chmod', ['-R', 'a+rX', entry]);
  archive = join(folder, 'entry.tar.gz');
  await packEntry(entry, archive);
  cifar10 = await makeCifar10(join(folder, 'cifar10'));
});
beforeEach(async () => {
  ofRoot = await mkdtemp(join(folder, 'of-root-'));
  await chmod(ofRoot, 0o755);
  home = await mkdtemp(join(folder, 'home-'));
  await chown(home, user, user);
});

/** Writes noise in the layout of CIFAR-10: as many images as a Track with 100 held-out images per class needs. */
async function makeCifar10(at: string): Promise<string> {
  await mkdir(at);
  const recordBytes = 3073;
  for (const batch of [1, 2, 3, 4, 5]) {
    const bytes = randomFillSync(Buffer.alloc(1200 * recordBytes));
    for (let record = 0; record < 1200; record++) bytes[record * recordBytes] = record % 10;
    await writeFile(join(at, `data_batch_${batch}.bin`), bytes);
  }
  return at;
}

/** Runs haet as the user, whose environment is only what is given. */
const haet = async (words: readonly string[], env: Record<string, string> = {}, cwd = folder) => {
  const { exitCode, stdout, stderr } = await execa(
    'sh',
    ['-c', 'cd "$0" && exec "$@"', cwd, ...asUser, process.execPath, bin, ...words],
    { reject: false, extendEnv: false, env: { PATH: process.env.PATH!, ...env } },
  );
  return { status: exitCode, stdout, stderr };
};
const dryRun = (out: string, more: readonly string[] = ['--track', trackDir]) => [
  'dry-run',
  ...['--entry', entry, '--out', out, '--budget', '20', ...more],
];
/** A dry run that draws its Track. */
const drawingRun = () => dryRun(join(home, 'runs'), ['--from', cifar10]);
/** Names of what is left of folders that haet made for itself. */
const leftIn = (temporary: string) => readdirSync(temporary).filter((name) => name.startsWith('haet-'));

suite(`an ordinary user${canBecome ? '' : ' (skipped: no setpriv, or the clone is not readable for others)'}`, () => {
  test.each([
    ['dry-run', (out: string) => dryRun(out)],
    ['audit', (out: string) => ['audit', entry, '--track', trackDir, '--out', out, '--trusted']],
    ['grade', (out: string) => ['grade', folder, '--track', trackDir, '--out', out, '--trusted']],
    [
      'official',
      (out: string) => [
        'official',
        '--entry',
        entry,
        '--track',
        trackDir,
        '--out',
        out,
        '--sandbox',
        'process',
      ],
    ],
  ])('%s: is told whose the output folder is, and of one that works', async (_, words) => {
    const { status, stderr } = await haet(words(ofRoot), { HOME: home });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: `haet: --out ${ofRoot}: cannot be written to (EACCES: permission denied; ${ofRoot} belongs to user 0, and you are user ${user}). Give a folder that you can create or write to, for example \`--out ${home}/haet-runs\`.`,
    });
    expect(await readdir(ofRoot)).toEqual([]);
  });

  test('the output folder that is proposed works', async () => {
    const { status, stdout } = await haet(dryRun(join(home, 'haet-runs')), { HOME: home });
    expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringMatching(/^SCORED/) });
  });

  test("uses a Track in another user's cache as it is", async () => {
    const drawn = await haet(drawingRun(), { HOME: home });
    expect(drawn.status).toBe(0);
    await rename(join(home, '.cache/haet/tracks'), join(ofRoot, 'tracks'));
    spawnSync('chown', ['-R', '0:0', ofRoot]);
    const { status, stderr } = await haet(drawingRun(), { HOME: home, HAET_CACHE: ofRoot });
    expect(status).toBe(0);
    expect(stderr).not.toContain('for this run only');

    // The same Track, closed to this user, is drawn again.
    spawnSync('chmod', ['-R', 'go=', join(ofRoot, 'tracks')]);
    const closed = await haet(drawingRun(), { HOME: home, HAET_CACHE: ofRoot });
    expect(closed).toMatchObject({ status: 0, stderr: expect.stringContaining('for this run only') });
  });

  test.each<[string, () => Record<string, string>, RegExp]>([
    [
      'a cache of another user',
      () => ({ HOME: home, HAET_CACHE: ofRoot }),
      /of-root-\w+\/tracks: cannot be written to \(EACCES: permission denied; \S+ belongs to user 0, and you are user 61234\)/,
    ],
    [
      'a cache that is a file',
      () => ({ HOME: home, HAET_CACHE: archive }),
      /\/tracks: cannot be written to \(ENOTDIR/,
    ],
    [
      'a home that does not exist',
      () => ({ HOME: '/nonexistent' }),
      /\/nonexistent\/.cache\/haet\/tracks: cannot be/,
    ],
    ['no home', () => ({}), /HOME: is not set and this user has no home folder/],
  ])('with %s, draws the Track for this run only and leaves nothing', async (_, env, reason) => {
    const temporary = join(home, 'tmp');
    await mkdir(temporary);
    await chown(temporary, user, user);
    const { status, stderr } = await haet(drawingRun(), { ...env(), TMPDIR: temporary });
    expect(status).toBe(0);
    expect(stderr).toMatch(reason);
    expect(stderr).toMatch(
      /The Track is drawn for this run only: .* To keep it, set HAET_CACHE to a folder that you can write to\.$/m,
    );
    expect(leftIn(temporary)).toEqual([]);
  });

  test('check-machine reports a cache and a temporary folder that cannot be used', async () => {
    const { status, stdout } = await haet(['check-machine', '--json'], { TMPDIR: ofRoot });
    expect(status).toBe(0);
    const findings = JSON.parse(stdout).find(({ title }: { title: string }) => title === 'Data').findings;
    expect(findings).toContainEqual({
      name: 'cache folder',
      value: 'none, because HOME is not set and this user has no home',
      remedy: expect.stringContaining('set HAET_CACHE to a folder that you can write to'),
    });
    expect(findings).toContainEqual({
      name: 'temporary folder',
      value: expect.stringContaining(`${ofRoot}: cannot be used as the temporary folder (EACCES`),
      remedy: 'Set TMPDIR to a folder that you can write to, or unset TMPDIR.',
    });
  });

  const told = (path: string, reason: string) => ({
    status: 2,
    stdout: '',
    stderr: `haet: TMPDIR ${path}: cannot be used as the temporary folder (${reason}). Set TMPDIR to a folder that you can write to, or unset TMPDIR.`,
  });

  test.each([
    ['does not exist', () => join(home, 'none'), 'ENOENT: does not exist'],
    ['is a file', () => archive, 'ENOTDIR: a part of the path is not a folder'],
  ])('is told of a temporary folder that %s, before the run starts', async (_, path, reason) => {
    const result = await haet(dryRun(join(home, 'runs')), { HOME: home, TMPDIR: path() });
    expect(result).toEqual(told(path(), reason));
    expect(await readdir(home)).toEqual([]);
  });

  test.each([
    ['check', () => ['check', archive]],
    ['pack', () => ['pack', entry, '--out', join(home, 'packed.tar.gz')]],
    ['self-test', () => ['self-test', '--sandbox', 'process', '--only', 'exits-with-nothing']],
  ])('%s: is told of a temporary folder of root', async (_, words) => {
    const result = await haet(words(), { HOME: home, TMPDIR: ofRoot });
    const owner = `${ofRoot} belongs to user 0, and you are user ${user}`;
    expect(result).toEqual(told(ofRoot, `EACCES: permission denied; ${owner}`));
    expect(await readdir(home)).toEqual([]);
  });

  test('is told of a current folder that cannot be entered', async () => {
    await chmod(ofRoot, 0o700);
    const { status, stderr } = await haet(['check', archive], { HOME: home }, ofRoot);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: `haet: ${ofRoot}: is the current folder, and you may not enter it (EACCES). Change to another folder, for example with \`cd /tmp\`, and give absolute paths.`,
    });
  });

  test('is told of a file of an entry that cannot be read', async () => {
    const closed = await makeEntry(folder);
    spawnSync('chmod', ['-R', 'a+rX', closed]);
    await chmod(join(closed, 'train.sh'), 0o600);
    const { status, stderr } = await haet(['check', closed], { HOME: home });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: `haet: ${closed}/train.sh: permission denied (EACCES at open); ${closed}/train.sh belongs to user 0, and you are user ${user}. Give a path of yours, or let its owner change the permissions.`,
    });
  });

  test('is told of CIFAR-10 that cannot be read', async () => {
    await chmod(ofRoot, 0o700);
    const { status, stderr } = await haet(dryRun(join(home, 'runs'), []), {
      HOME: home,
      HAET_CIFAR10: ofRoot,
    });
    expect(status).toBe(2);
    expect(stderr).toContain(
      `haet: ${ofRoot}: cannot be read (EACCES: permission denied; ${ofRoot} belongs to user 0, and you are user ${user}). Let its owner make it readable`,
    );
  });

  test('with umask 777 can use what haet makes', async () => {
    const { exitCode } = await execa(
      'sh',
      ['-c', 'umask 777; exec "$@"', 'sh', ...asUser, process.execPath, bin, ...dryRun(join(home, 'runs'))],
      { reject: false, env: { HOME: home } },
    );
    expect(exitCode).toBe(0);
  });

  test('a clone that root closed is not reported as not built', async () => {
    await mkdir(join(ofRoot, 'cli'));
    await copyFile(bin, join(ofRoot, 'cli/bin.mjs'));
    spawnSync('chmod', ['-R', 'a+rX', ofRoot]);
    const start = async () => {
      const words = [...asUser.slice(1), process.execPath, join(ofRoot, 'cli/bin.mjs'), '--version'];
      const { exitCode, stderr } = await execa(asUser[0]!, words, { reject: false, cwd: '/' });
      return { exitCode, stderr };
    };
    expect(await start()).toEqual({
      exitCode: 2,
      stderr: 'haet: not built yet. Run `npm run setup` in the clone first.',
    });

    const dist = join(ofRoot, 'dist');
    await mkdir(join(dist, 'cli'), { recursive: true });
    await writeFile(join(dist, 'cli/main.js'), 'import "a-package";');
    expect(await start()).toEqual({
      exitCode: 2,
      stderr: expect.stringMatching(
        /^haet: \S+: cannot be loaded \(.*'a-package'.*\)\. Run `npm run setup` there\.$/,
      ),
    });

    await chmod(dist, 0o700);
    expect(await start()).toEqual({
      exitCode: 2,
      stderr: expect.stringMatching(
        /^haet: \S+: cannot be loaded \(EACCES.*\)\. Let its owner run `chmod -R go\+rX \S+`\.$/,
      ),
    });
  });
});

test('a current folder that was removed is named', async () => {
  const gone = await mkdtemp(join(tmpdir(), 'haet-test-'));
  const words = ['-c', 'cd "$0" && rmdir "$0" && exec "$@"', gone, process.execPath, bin, 'check', archive];
  const { exitCode, stderr } = await execa('sh', words, { reject: false });
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr:
      'haet: the current folder: was removed or replaced. Change to another folder, for example with `cd /tmp`, and give absolute paths.',
  });
  expect(existsSync(gone)).toBe(false);
  await rm(gone, { recursive: true, force: true });
});
