import { mkdtempSync } from 'node:fs';
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import type { RunRecord } from '../../evaluator/record.ts';
import { describeWith } from '../evaluator/fixtures.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = { path: mkdtempSync(join(tmpdir(), 'haet-test-')) };
afterAll(() => rm(folder.path, { recursive: true }));
const haet = (...words: string[]) =>
  execa(process.execPath, [join(root, 'cli/bin.mjs'), ...words], { reject: false, cwd: folder.path });
const lastLine = (text: string) => JSON.parse(text.trim().split('\n').at(-1)!);
const example = join(root, 'examples/plain-shell');
const official = (...words: string[]) =>
  haet('official', '--sandbox', 'bubblewrap', '--entry', example, '--budget', '20', '--out', 'out', ...words);

// The image's own sandbox wants root and a container; what is around it is the same in every one that fences.
const fenced = await describeWith('bubblewrap');

fenced('haet official', () => {
  let keys: { publicKey: string; verifyKey: string };
  beforeAll(async () => {
    const sizes = ['--train-per-class', '10', '--test-per-class', '10', '--seed', '1'];
    await haet('data', 'make', '--source', 'synthetic', ...sizes, '--out', 'open');
    keys = lastLine((await haet('seal', 'keygen', '--out', 'identity.txt', '--json')).stdout);
    await haet('seal', 'open', '--to', keys.publicKey, '--out', 'withheld.age', '--public', 'sealed');
    await haet('pack', example, '--out', 'entry.tar.gz');
    const files = ['--sealed', 'withheld.age', '--out', 'commitment.json', '--reveal', 'reveal.json'];
    await haet('seal', 'commit', ...files, '--seed-list', '1,2', '--budget', '19');
  });

  test('with the key: a score on what is sealed, signed, and verified with what else is published', async () => {
    const run = await official(
      '--track',
      'sealed',
      '--identity',
      'identity.txt',
      '--entry',
      'entry.tar.gz',
      '--json',
    );
    expect(run.exitCode).toBe(0);
    const record: RunRecord = lastLine(run.stdout);
    expect(record).toMatchObject({ verdict: 'SCORED', score: { correct: 10, total: 100 } });
    const text = await readFile(join(record.folder, 'record.json'), 'utf8');
    for (const secret of ['source', 'labels.npy":', 'test/images.npy']) {
      expect(JSON.stringify(JSON.parse(text).track)).not.toContain(`"${secret}"`);
    }

    const jws = join(record.folder, 'record.jws');
    const evidence = ['--archive', 'entry.tar.gz', '--sealed', 'withheld.age', '--track', 'sealed'];
    const verified = await haet('verify', jws, '--key', keys.verifyKey, ...evidence);
    expect({ code: verified.exitCode, said: verified.stdout + verified.stderr }).toMatchObject({ code: 0 });

    const again = await official('--track', 'sealed', '--identity', 'identity.txt', '--seed', '2', '--json');
    expect(again.exitCode).toBe(0);
    const chain = lastLine((await haet('verify', 'out', '--key', keys.verifyKey, '--json')).stdout);
    expect(chain).toMatchObject({ holds: true, head: { number: 2 }, records: [{ seed: 1 }, { seed: 2 }] });

    const bytes = await readFile(jws);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(join(folder.path, 'tampered.jws'), bytes);
    expect((await haet('verify', 'tampered.jws', '--key', keys.verifyKey)).exitCode).toBe(1);
  });

  test('without the key: a dry run on images held out of the training half, not signed', async () => {
    const run = await official('--track', 'sealed', '--json');
    expect(run.stderr).toContain('DRY RUN');
    expect(run.stderr).toContain('NOT OFFICIAL');
    const record: RunRecord = lastLine(run.stdout);
    expect(record).toMatchObject({ verdict: 'SCORED', score: { total: 20 }, track: { trainSize: 80 } });
    expect(await readdir(record.folder)).not.toContain('record.jws');
  });

  test.each([
    ['an open Track', ['--track', 'open', '--identity', 'identity.txt'], 'is not sealed'],
    [
      'no fence',
      ['--track', 'sealed', '--identity', 'identity.txt', '--sandbox', 'process'],
      'fences nothing off',
    ],
    ['a key that others may read', ['--track', 'sealed', '--identity', 'shared.txt'], 'chmod 600'],
    ['a key that is not there', ['--track', 'sealed', '--identity', 'typo.txt'], 'typo.txt'],
    ['a hash that is none', ['--image-id', 'latest'], '--image-id'],
    [
      'terms that were not committed to',
      [
        ...['--track', 'sealed', '--identity', 'identity.txt'],
        ...['--commitment', 'commitment.json', '--reveal', 'reveal.json'],
      ],
      '20 s to train, and the commitment is to 19 s to train; the sandbox bubblewrap, and the commitment is to the sandbox docker',
    ],
  ])('with %s nothing is run: one sentence, status 2', async (_, words, sentence) => {
    await writeFile(join(folder.path, 'shared.txt'), await readFile(join(folder.path, 'identity.txt')));
    await chmod(join(folder.path, 'shared.txt'), 0o644);
    const before = (await readdir(join(folder.path, 'out')).catch(() => [])).length;
    const run = await official(...words);
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toContain(sentence);
    expect(run.stderr).not.toMatch(/^\s+at /m);
    expect((await readdir(join(folder.path, 'out')).catch(() => [])).length).toBe(before);
  });
});
