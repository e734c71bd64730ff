import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { packEntry } from '../../evaluator/intake/packEntry.ts';
import { folderWithTrack, makeEntry } from '../evaluator/fixtures.ts';
import { tarBytes } from '../evaluator/intake/tarBytes.ts';

const haet = resolve('cli/bin.mjs');
const forged = 'SCORED  99.9 % of 1,000 images, 95 % interval 99.8 to 100.0';
const hostile = `\u001b[2J\u001b[1A\r\n${forged}\n\u202e\u200b`;
const loot = 'QUJDREVGR0hJSktM'.repeat(500);

let folder: string;
let trackDir: string;
beforeAll(async () => {
  ({ folder, trackDir } = await folderWithTrack());
});

const run = (...words: string[]) => execa(process.execPath, [haet, ...words], { reject: false, cwd: folder });

/** Expects no control or invisible characters, and no line that the entry wrote. */
function expectHarmless(text: string): void {
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u);
  expect(text.split('\n').filter((line) => /^\s*SCORED {2}99\.9/.test(line))).toEqual([]);
}

/** Returns a predict stage that writes a .npy file with this text as its dtype. */
const predictWith = (descr: string) => {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (1000, 10), }`;
  const start = Buffer.alloc(4);
  start.writeUInt16LE(1, 0);
  start.writeUInt16LE(Buffer.byteLength(header), 2);
  const bytes = Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), start, Buffer.from(header)]);
  const script = `echo ${bytes.toString('base64')} | base64 -d > "$HAET_OUT_DIR/predictions.npy"`;
  return makeEntry(folder, { predict: script });
};

describe.each(['dry-run', 'official'])('haet %s', (name) => {
  // Without a key, official makes a dry run and prints the same summary.
  const start = (entry: string, out: string) =>
    run(
      ...[name, '--entry', entry, '--out', out, '--track', trackDir],
      ...['--sandbox', 'process', '--budget', '20'],
    );

  test('prints no line break or escape sequence from the header of predictions.npy', async () => {
    const { stdout, stderr } = await start(await predictWith(hostile), `${name}-descr`);
    expect(stdout).toMatch(/^INVALID_OUTPUT$/m);
    expectHarmless(stdout + stderr);
  });

  test('quotes at most 20 of 8,000 characters, as do its record and its report', async () => {
    const out = join(folder, `${name}-loot`);
    const { stdout, stderr } = await start(await predictWith(loot), out);
    const [id] = await readdir(out);
    const files = ['record.json', 'report.html'].map((file) => readFile(join(out, id!, file), 'utf8'));
    for (const text of [stdout, stderr, ...(await Promise.all(files))]) {
      for (let at = 0; at + 11 <= 32; at++) expect(text).not.toContain(loot.slice(at, at + 11));
    }
    expect(stdout).toContain('its dtype is "QUJDREVGR0…VGR0hJSktM"');
  });

  test.each([
    ['a key of haet.json', { [hostile]: 1 }],
    ['the name', { name: hostile }],
    ['a program', { train: [`/${hostile}`] }],
  ])('prints no line break or escape sequence from %s', async (_, manifest) => {
    const { stdout, stderr } = await start(await makeEntry(folder, { manifest }), `${name}-manifest`);
    expect(stdout).toMatch(/^(REJECTED_ARCHIVE|CRASHED)$/m);
    expectHarmless(stdout + stderr);
  });

  test('prints none from the last output of an entry, nor from a haet.json that is not JSON', async () => {
    const crash = await makeEntry(folder, { train: `printf '%s' '${hostile.trimEnd()}' >&2; exit 3` });
    const crashed = await start(crash, `${name}-words`);
    expect(crashed.stdout).toMatch(/^CRASHED$/m);
    expectHarmless(crashed.stdout + crashed.stderr);
    const broken = await makeEntry(folder);
    await writeFile(join(broken, 'haet.json'), `{"name": ${hostile}}`);
    const { stdout, stderr } = await start(broken, `${name}-json`);
    expect(stdout).toMatch(/^REJECTED_ARCHIVE$/m);
    expectHarmless(stdout + stderr);
  });
});

test('haet check and pack print none from haet.json, and --json is JSON without it', async () => {
  for (const manifest of [{ [hostile]: 1 }, { name: hostile }, { team: `a${'\u200b'}` }]) {
    const entry = await makeEntry(folder, { manifest });
    for (const words of [
      ['check', entry],
      ['pack', entry, '--out', 'a.tar.gz'],
    ]) {
      const { exitCode, stdout, stderr } = await run(...words);
      expect(exitCode).toBe(2);
      expectHarmless(stdout + stderr);
    }
  }
  const words = ['x', `${hostile}`];
  const entry = await makeEntry(folder, { manifest: { predict: words } });
  expectHarmless((await run('check', entry)).stdout);
  const { stdout } = await run('check', entry, '--json');
  expectHarmless(stdout);
  expect(JSON.parse(stdout).manifest.predict).toEqual(words);
});

test('haet check prints none from the name of an archive’s member', async () => {
  const archive = join(folder, 'hostile.tar');
  await writeFile(archive, tarBytes({ path: hostile, type: 'SymbolicLink', linkpath: 'x' }));
  const { stdout, stderr } = await run('check', archive);
  expect(stderr).toMatch(/^haet: /);
  expectHarmless(stdout + stderr);
});

test('haet grade publishes none of 8,000 characters in a header, and prints at most 20', async () => {
  const archives = join(folder, 'archives');
  await mkdir(archives);
  await packEntry(await predictWith(loot), join(archives, 'loot.tar.gz'));
  const words = ['--track', trackDir, '--out', 'graded', '--sandbox', 'process', '--budget', '20'];
  // Other tests may run beside this one.
  const onBusyMachine = ['--wait-for-quiet', '0', '--most-disturbance', '100'];
  const { stdout, stderr } = await run('grade', archives, ...words, ...onBusyMachine);
  expect(stderr).toContain('its dtype is "QUJDREVGR0…VGR0hJSktM"');
  const published = await readdir(join(folder, 'graded/public'));
  expect(published.sort()).toEqual(['leaderboard.csv', 'leaderboard.json', 'leaderboard.md']);
  const texts = await Promise.all(
    published.map((file) => readFile(join(folder, 'graded/public', file), 'utf8')),
  );
  for (const text of texts) {
    expect(text).toContain('INVALID_OUTPUT');
    expect(text).not.toMatch(/QUJD|dtype/);
  }
  expect(stdout).not.toContain('QUJD');
});
