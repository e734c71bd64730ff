import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, test } from '@jest/globals';
import { execa } from 'execa';
import type { Standing } from '../../evaluator/grade/standing.ts';
import { temporaryFolder } from '../datasets/temporaryFolder.ts';
import { describeWith, plainImage } from '../evaluator/fixtures.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
const haet = (...words: string[]) =>
  execa(process.execPath, [join(root, 'cli/bin.mjs'), ...words], { reject: false, cwd: folder.path });
const lastLine = (text: string) => JSON.parse(text.trim().split('\n').at(-1)!);

const sandboxes = [
  { kind: 'bubblewrap', words: ['--sandbox', 'bubblewrap'] },
  { kind: 'docker', words: ['--sandbox', 'docker', '--image', plainImage] },
] as const;

/** As docs/sealing.md and docs/grading.md say. */
let verifyKey: string;
beforeEach(async () => {
  const sizes = ['--train-per-class', '10', '--test-per-class', '10', '--seed', '1'];
  await haet('data', 'make', '--source', 'synthetic', ...sizes, '--out', 'my-track');
  const keys = lastLine((await haet('seal', 'keygen', '--out', 'identity.txt', '--json')).stdout);
  verifyKey = keys.verifyKey;
  const to = ['--to', keys.publicKey];
  await haet('seal', 'my-track', ...to, '--out', 'withheld.age', '--public', 'sealed-track');
  await commit('commitment.json', 'reveal.json');
  await mkdir(at('archives'));
  await haet('pack', join(root, 'examples/plain-shell'), '--out', 'archives/entry.tar.gz');
});
const commit = (out: string, reveal: string) =>
  haet('seal', 'commit', '--sealed', 'withheld.age', '--seeds', '2', '--out', out, '--reveal', reveal);
const grade = (...words: string[]) =>
  haet(
    ...['grade', 'archives', '--track', 'sealed-track', '--identity', 'identity.txt'],
    ...['--out', 'graded', '--budget', '20', '--wait-for-quiet', '0', '--most-disturbance', '100', ...words],
  );
const committed = ['--commitment', 'commitment.json', '--reveal', 'reveal.json'];

for (const { kind, words: inSandbox } of sandboxes) {
  (await describeWith(kind))(`a sealed Track under ${kind}`, () => {
    test('is graded with the seeds committed to; every record verifies with commitment and reveal', async () => {
      const graded = await grade(...inSandbox, ...committed, '--json');
      expect({ code: graded.exitCode, said: graded.stderr }).toMatchObject({ code: 0 });
      const { seeds, rows }: Standing = lastLine(graded.stdout);
      expect(seeds).toEqual(JSON.parse(await readFile(at('reveal.json'), 'utf8')).seeds);
      expect(rows[0]!.runs.map((run) => run.seed)).toEqual(seeds);
      const opening = ['--sealed', 'withheld.age', '--identity', 'identity.txt', '--out', 'labels-key.json'];
      await haet('seal', 'labels-key', ...opening);
      for (const run of rows[0]!.runs) {
        const jws = join('graded', run.folder, 'record.jws');
        const { sandbox } = JSON.parse(await readFile(at('graded', run.folder, 'record.json'), 'utf8'));
        expect(sandbox).toMatchObject({
          kind,
          image: kind === 'docker' ? expect.stringMatching(/^sha256:[0-9a-f]{64}$/) : null,
        });
        const evidence = [
          ...['--archive', 'archives/entry.tar.gz', '--sealed', 'withheld.age', ...committed],
          ...['--predictions', join('graded', run.folder, 'predictions', 'predictions.npy')],
          ...['--labels-key', 'labels-key.json'],
        ];
        const verified = await haet('verify', jws, '--key', verifyKey, ...evidence);
        expect({ code: verified.exitCode, said: verified.stdout + verified.stderr }).toEqual({
          code: 0,
          said: expect.stringMatching(/\n {2}holds {2}scored again /),
        });
      }
      const again = await grade(...inSandbox, ...committed);
      expect(again.stderr).not.toContain('starts');
      expect(again.stderr.match(/\(earlier\)/g)).toHaveLength(2);
    });

    test('is not graded with a reveal or a commitment of something else', async () => {
      await commit('other.json', 'otherReveal.json');
      const otherReveal = ['--commitment', 'commitment.json', '--reveal', 'otherReveal.json'];
      const seeds = await grade(...inSandbox, ...otherReveal);
      expect(seeds).toMatchObject({ exitCode: 2, stdout: '' });
      expect(seeds.stderr).toMatch(/otherReveal\.json: the seeds revealed give sha256/);

      await haet('seal', 'keygen', '--out', 'second.txt');
      const { publicKey } = lastLine((await haet('seal', 'keys', 'second.txt', '--json')).stdout);
      await haet('seal', 'my-track', '--to', publicKey, '--out', 'w2.age', '--public', 'second-track');
      const elsewhere = ['--track', 'second-track', '--identity', 'second.txt'];
      const set = await grade(...inSandbox, ...elsewhere, ...committed);
      expect(set).toMatchObject({ exitCode: 2, stdout: '' });
      expect(set.stderr).toMatch(/commitment\.json: the commitment is to a sealed set with sha256/);
      expect(existsSync(at('graded', 'runs'))).toBe(false);
    });
  });
}

test('the key is refused where an entry could read it', async () => {
  const { exitCode, stdout, stderr } = await grade('--trusted');
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(
    /^haet: --sandbox process fences nothing off: .* Use --sandbox bubblewrap or docker\.$/,
  );
  expect(existsSync(at('graded'))).toBe(false);
});
