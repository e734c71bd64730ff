import { mkdtempSync } from 'node:fs';
import { chmod, cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import type { RunRecord } from '../../evaluator/run/record.ts';
import { describeWith } from '../evaluator/fixtures.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = { path: mkdtempSync(join(tmpdir(), 'haet-test-')) };
afterAll(() => rm(folder.path, { recursive: true }));
const haet = (...words: string[]) =>
  execa(process.execPath, [join(root, 'cli/bin.mjs'), ...words], { reject: false, cwd: folder.path });
const lastLine = (text: string) => JSON.parse(text.trim().split('\n').at(-1)!);
const example = join(root, 'examples/shell');
const official = (...words: string[]) =>
  haet('official', '--sandbox', 'bubblewrap', '--entry', example, '--budget', '20', '--out', 'out', ...words);

const sealedWith = (key: string) => ['--track', 'sealed', '--images-key', key];

// The image's own sandbox needs root and a container; everything around it is the same for every sandbox that isolates.
const fenced = await describeWith('bubblewrap');

fenced('haet official', () => {
  let keys: { publicKey: string; imagesPublicKey: string; verifyKey: string };
  const withKey = sealedWith('images-key.txt');
  const score = (run: string, ...words: string[]) =>
    haet('score', run, '--track', 'sealed', '--identity', 'identity.txt', ...words);
  beforeAll(async () => {
    const sizes = ['--train-per-class', '10', '--test-per-class', '10', '--seed', '1'];
    await haet('data', 'make', '--source', 'synthetic', ...sizes, '--out', 'open');
    const keyFiles = ['--out', 'identity.txt', '--images-out', 'images-key.txt'];
    keys = lastLine((await haet('seal', 'keygen', ...keyFiles, '--json')).stdout);
    const to = ['--to', keys.publicKey, '--images-to', keys.imagesPublicKey];
    await haet('seal', 'open', ...to, '--out', 'withheld.age', '--public', 'sealed');
    await haet('pack', example, '--out', 'entry.tar.gz');
    const files = ['--sealed', 'withheld.age', '--out', 'commitment.json', '--reveal', 'reveal.json'];
    await haet('seal', 'commit', ...files, '--seed-list', '1,2', '--budget', '19');
  });

  test('with the images key leaves an unscored run, which haet score signs and haet verify accepts', async () => {
    const run = await official(...withKey, '--entry', 'entry.tar.gz', '--json');
    expect({ code: run.exitCode, said: run.stderr }).toMatchObject({ code: 0 });
    const unscored: RunRecord = lastLine(run.stdout);
    expect(unscored).toMatchObject({ verdict: 'SCORED', score: null });
    expect(run.stderr).toContain(`haet score ${unscored.folder}`);
    const files = await readdir(unscored.folder);
    expect(files).toContain('unscored.json');
    for (const file of ['record.json', 'record.jws', 'report.html']) expect(files).not.toContain(file);

    const scored = await score(unscored.folder, '--json');
    expect({ code: scored.exitCode, said: scored.stderr }).toMatchObject({ code: 0 });
    const record: RunRecord = lastLine(scored.stdout);
    expect(record).toEqual({ ...unscored, score: expect.objectContaining({ correct: 10, total: 100 }) });
    expect(record.score!.details).toBeNull();
    expect(JSON.parse(await readFile(join(record.folder, 'record.json'), 'utf8'))).toEqual(record);
    for (const secret of ['source', 'labels.npy":', 'test/images.npy']) {
      expect(JSON.stringify(record.track)).not.toContain(`"${secret}"`);
    }
    expect(await readdir(record.folder)).not.toContain('unscored.json');
    const page = await readFile(join(record.folder, 'report.html'), 'utf8');
    expect(page).toContain('After the reveal');
    expect(page).not.toContain('data:image/png');

    const jws = join(record.folder, 'record.jws');
    const evidence = ['--archive', 'entry.tar.gz', '--sealed', 'withheld.age', '--track', 'sealed'];
    const verified = await haet('verify', jws, '--key', keys.verifyKey, ...evidence);
    expect({ code: verified.exitCode, said: verified.stdout + verified.stderr }).toMatchObject({ code: 0 });

    const again = await official(...withKey, '--entry', 'entry.tar.gz', '--seed', '2', '--json');
    expect(again.exitCode).toBe(0);
    expect((await score((lastLine(again.stdout) as RunRecord).folder)).exitCode).toBe(0);
    const chain = lastLine((await haet('verify', 'out', '--key', keys.verifyKey, '--json')).stdout);
    expect(chain).toMatchObject({ holds: true, head: { number: 2 }, records: [{ seed: 1 }, { seed: 2 }] });

    const bytes = await readFile(jws);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(join(folder.path, 'tampered.jws'), bytes);
    expect((await haet('verify', 'tampered.jws', '--key', keys.verifyKey)).exitCode).toBe(1);
    expect((await score(record.folder)).stderr).toMatch(/has no unscored\.json/);
  });

  test('a run whose predictions were changed, or one of another key, is not scored', async () => {
    const { folder: run } = lastLine((await official(...withKey, '--json')).stdout) as RunRecord;
    const other = ['--out', 'other.txt', '--images-out', 'other-images.txt'];
    await haet('seal', 'keygen', ...other);
    const byOther = await score(run, '--identity', 'other.txt');
    expect(byOther).toMatchObject({ exitCode: 2, stdout: '' });
    expect(byOther.stderr).toMatch(/--identity other\.txt: its public key is age1/);
    const predictions = join(run, 'predictions', 'predictions.npy');
    const bytes = await readFile(predictions);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(predictions, bytes);
    const changed = await score(run);
    expect(changed).toMatchObject({ exitCode: 2, stdout: '' });
    expect(changed.stderr).toMatch(/predictions\.npy changed after the run/);
    expect(await readdir(run)).not.toContain('record.jws');
  });

  test('a run without valid predictions is not scored, but signed', async () => {
    const none = join(folder.path, 'none');
    await cp(example, none, { recursive: true });
    await writeFile(join(none, 'predict.sh'), 'exit 3\n');
    const run = await official(...withKey, '--entry', none, '--json');
    const { folder: at, verdict } = lastLine(run.stdout) as RunRecord;
    expect(verdict).toBe('CRASHED');
    expect(run.exitCode).toBe(13);
    expect((await score(at)).exitCode).toBe(0);
    const verified = await haet('verify', join(at, 'record.jws'), '--key', keys.verifyKey, '--json');
    expect(lastLine(verified.stdout)).toMatchObject({
      holds: true,
      run: { verdict: 'CRASHED', score: null },
    });
  });

  test('without the key makes an unsigned dry run on images held out of the training half', async () => {
    const run = await official('--track', 'sealed', '--json');
    expect(run.stderr).toContain('DRY RUN');
    expect(run.stderr).toContain('NOT OFFICIAL');
    const record: RunRecord = lastLine(run.stdout);
    expect(record).toMatchObject({ verdict: 'SCORED', score: { total: 20 }, track: { trainSize: 80 } });
    expect(await readdir(record.folder)).not.toContain('record.jws');
  });

  test.each([
    ['an open Track', ['--track', 'open', '--images-key', 'images-key.txt'], 'is not sealed'],
    ['no fence', [...sealedWith('images-key.txt'), '--sandbox', 'process'], 'isolates nothing'],
    ['a key that others may read', sealedWith('shared.txt'), 'chmod 600'],
    ['a missing key', sealedWith('typo.txt'), 'typo.txt'],
    ['the identity', sealedWith('identity.txt'), 'is the organizer'],
    ['an invalid hash', ['--image-id', 'latest'], '--image-id'],
    [
      'terms that differ from the commitment',
      [...sealedWith('images-key.txt'), ...['--commitment', 'commitment.json', '--reveal', 'reveal.json']],
      '20 s to train, but the commitment says 19 s to train; the sandbox bubblewrap, but the commitment says the sandbox docker',
    ],
  ])('with %s runs nothing: one sentence, status 2', async (_, words, sentence) => {
    await writeFile(join(folder.path, 'shared.txt'), await readFile(join(folder.path, 'images-key.txt')));
    await chmod(join(folder.path, 'shared.txt'), 0o644);
    const before = (await readdir(join(folder.path, 'out')).catch(() => [])).length;
    const run = await official(...words);
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toContain(sentence);
    expect(run.stderr).not.toMatch(/^\s+at /m);
    expect((await readdir(join(folder.path, 'out')).catch(() => [])).length).toBe(before);
  });
});
