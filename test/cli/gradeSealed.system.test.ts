import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { sha256 } from '../../datasets/sha256.ts';
import type { Standing } from '../../evaluator/grade/standing.ts';
import { temporaryFolder } from '../datasets/temporaryFolder.ts';
import { describeWith, makeEntry, plainImage } from '../evaluator/fixtures.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
/** Path in the first run of a job, relative to the test's folder. */
const folderOf = (job: string): string =>
  join('graded/runs', job, readdirSync(at('graded/runs', job)).sort()[0]!);
const haetIn = (cwd: string, words: readonly string[]) =>
  execa(process.execPath, [join(root, 'cli/bin.mjs'), ...words], { reject: false, cwd });
const haet = (...words: string[]) => haetIn(folder.path, words);
const lastLine = (text: string) => JSON.parse(text.trim().split('\n').at(-1)!);

const sandboxes = [
  { kind: 'bubblewrap', words: ['--sandbox', 'bubblewrap'] },
  { kind: 'docker', words: ['--sandbox', 'docker', '--image', plainImage] },
] as const;

/** A contest made as in docs/sealing.md and docs/grading.md. Each test gets a copy. */
let contest: string;
let verifyKey: string;
beforeAll(async () => {
  contest = await mkdtemp(join(tmpdir(), 'haet-test-'));
  const sizes = ['--train-per-class', '10', '--test-per-class', '10', '--seed', '1'];
  await haetIn(contest, ['data', 'make', '--source', 'synthetic', ...sizes, '--out', 'my-track']);
  const keys = await keygen('identity.txt', 'images-key.txt', contest);
  verifyKey = keys.verifyKey;
  const to = ['--to', keys.publicKey, '--images-to', keys.imagesPublicKey];
  const sealed = ['--out', 'withheld.age', '--public', 'sealed-track'];
  await haetIn(contest, ['seal', 'my-track', ...to, ...sealed]);
  await mkdir(join(contest, 'archives'));
  await haetIn(contest, ['pack', join(root, 'examples/shell'), '--out', 'archives/entry.tar.gz']);
});
beforeEach(() => cp(contest, folder.path, { recursive: true }));
afterAll(() => rm(contest, { recursive: true, force: true }));
const keygen = async (out: string, imagesOut: string, cwd = folder.path) =>
  lastLine((await haetIn(cwd, ['seal', 'keygen', '--out', out, '--images-out', imagesOut, '--json'])).stdout);
/** Memory and CPUs of the tests; `haet grade` takes them from the commitment. */
const commit = (kind: string, out = 'commitment.json', reveal = 'reveal.json') =>
  haet(
    ...['seal', 'commit', '--sealed', 'withheld.age', '--seeds', '2', '--out', out, '--reveal', reveal],
    ...['--budget', '20', '--cpus', '1', '--memory', '1000000000', '--processes', '200', '--sandbox', kind],
  );
/** Other tests may run beside these. */
const onBusyMachine = ['--wait-for-quiet', '0', '--most-disturbance', '100'];
const grade = (...words: string[]) =>
  haet(
    ...['grade', 'archives', '--track', 'sealed-track'],
    ...['--images-key', 'images-key.txt', '--identity', 'identity.txt'],
    ...['--out', 'graded', '--budget', '20', ...onBusyMachine, ...words],
  );
const committed = ['--commitment', 'commitment.json', '--reveal', 'reveal.json'];

/** Loaded into every Node process: records which command opens which key. */
const watcher = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const log = (path) => {
  if (/(identity|images-key)\\.txt$/.test(String(path))) {
    fs.appendFileSync(process.env.WATCH_LOG, process.argv[2] + ' ' + path + '\\n');
  }
};
for (const [from, name] of [[fs.promises, 'open'], [fs.promises, 'readFile'], [fs, 'openSync'], [fs, 'readFileSync']]) {
  const real = from[name];
  from[name] = function (path, ...more) {
    log(path);
    return real.call(this, path, ...more);
  };
}
syncBuiltinESMExports();
`;

/** Returns the folders of opened test images that a process made. */
const openedBy = (pid: number) =>
  ['/dev/shm', tmpdir()].flatMap((parent) =>
    readdirSync(parent)
      .filter((name) => name.startsWith(`haet-opened-${pid}-`))
      .map((name) => join(parent, name)),
  );

/**
 * Predicts such that the log-loss of some images is label * 1.6^digit units, by their first byte: digits of the sum.
 */
const spellingScores = `
import { readFileSync, writeFileSync } from 'node:fs';
const bytes = readFileSync(process.env.HAET_TEST_IMAGES);
const images = bytes.subarray(bytes.length % 3072);
const rows = images.length / 3072;
const scores = new Float32Array(10 * rows);
for (let row = 0; row < rows; row++) {
  const digit = images[row * 3072] % 12;
  for (let label = 0; label < 10; label++) scores[10 * row + label] = -label * 1e-6 * 1.6 ** digit;
}
const header = \`{'descr': '<f4', 'fortran_order': False, 'shape': (\${rows}, 10), }\`.padEnd(117) + '\\n';
const magic = Buffer.from([0x93, 78, 85, 77, 80, 89, 1, 0, 118, 0]);
writeFileSync(process.env.HAET_OUT_DIR + '/predictions.npy', Buffer.concat([magic, Buffer.from(header), Buffer.from(scores.buffer)]));
`;

for (const { kind, words: inSandbox } of sandboxes) {
  (await describeWith(kind))(`a sealed Track under ${kind}`, () => {
    test('is graded with the committed seeds; every record verifies with commitment and reveal', async () => {
      await commit(kind);
      const graded = await grade(...inSandbox, ...committed, '--json');
      expect({ code: graded.exitCode, said: graded.stderr }).toMatchObject({ code: 0 });
      const { seeds, rows }: Standing = lastLine(graded.stdout);
      expect(seeds).toEqual(JSON.parse(await readFile(at('reveal.json'), 'utf8')).seeds);
      expect(rows[0]!.runs.map((run) => run.seed)).toEqual(seeds);
      const opening = ['--sealed', 'withheld.age', '--identity', 'identity.txt', '--out', 'labels-key.json'];
      await haet('seal', 'labels-key', ...opening);
      for (const run of rows[0]!.runs) {
        const folder = folderOf(run.job);
        const jws = join(folder, 'record.jws');
        const { sandbox, limits, stages } = JSON.parse(await readFile(at(folder, 'record.json'), 'utf8'));
        expect(sandbox).toMatchObject({
          kind,
          image: kind === 'docker' ? expect.stringMatching(/^sha256:[0-9a-f]{64}$/) : null,
          holds: { memory: true, processes: true, cpus: true, network: true },
        });
        expect(limits).toEqual({
          trainSeconds: 20,
          predictSeconds: expect.any(Number),
          cpus: 1,
          memoryBytes: 1e9,
          processes: 200,
        });
        // The control group's own count, where the kernel has one: never null with control groups of version 1.
        for (const { limitHits, peakMemoryBytes } of stages) {
          expect(limitHits.peakMemoryBytes ?? peakMemoryBytes).toBeGreaterThan(0);
          expect(limitHits.peakMemoryBytes ?? peakMemoryBytes).toBeLessThan(1e9);
        }
        const evidence = [
          ...['--archive', 'archives/entry.tar.gz', '--sealed', 'withheld.age', ...committed],
          ...['--predictions', join(folder, 'predictions', 'predictions.npy')],
          ...['--labels-key', 'labels-key.json'],
        ];
        const verified = await haet('verify', jws, '--key', verifyKey, ...evidence);
        expect({ code: verified.exitCode, said: verified.stdout + verified.stderr }).toEqual({
          code: 0,
          said: expect.stringMatching(/\n {2}holds {2}scored again /),
        });
      }
      const { chain }: Standing = lastLine(graded.stdout);
      // One signed record per run.
      expect(chain!.number).toBe(2);
      const whole = ['verify', 'graded', '--key', verifyKey, ...committed, '--head', chain!.sha256!];
      expect(await haet(...whole)).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/\n2 records hold; the last is number 2 with sha256 /),
      });
      const again = await grade(...inSandbox, ...committed);
      expect(again.stderr).not.toContain('starts');
      expect(again.stderr.match(/\(earlier\)/g)).toHaveLength(2);
      await rm(at(folderOf(rows[0]!.runs[0]!.job)), { recursive: true });
      expect(await haet(...whole)).toMatchObject({
        exitCode: 1,
        stdout: expect.stringContaining('number 1 is missing from the chain'),
      });
    });

    test('after a kill in the predict stage other users cannot read the images, and the next call removes them', async () => {
      const slow = await makeEntry(folder.path, {
        train: 'echo w > "$HAET_OUT_DIR/model"',
        predict: 'head -c 200000 "$HAET_TEST_IMAGES" | wc -c; sleep 60',
      });
      await haet('pack', slow, '--out', 'archives/slow.tar.gz');
      await rm(at('archives/entry.tar.gz'));

      const words = [
        ...['archives', '--track', 'sealed-track', '--out', 'graded'],
        ...onBusyMachine,
        ...inSandbox,
      ];
      const keys = ['--images-key', 'images-key.txt', '--identity', 'identity.txt'];
      const killed = execa(process.execPath, [join(root, 'cli/bin.mjs'), 'grade', ...words, ...keys], {
        reject: false,
        cwd: folder.path,
      });
      // The predict stage has read its images when it prints their number of bytes.
      const logs = () =>
        readdirSync(folder.path, { recursive: true }).filter((name) =>
          String(name).endsWith('predict.stdout.log'),
        );
      const said = () =>
        logs()
          .map((log) => readFileSync(at(String(log)), 'utf8'))
          .join('');
      for (let waited = 0; waited < 60_000 && !said().includes('200000'); waited += 50) await sleep(50);
      expect(said()).toBe('200000\n');
      const opened = openedBy(killed.pid!);
      expect(opened).toHaveLength(1);
      expect(statSync(opened[0]!).mode & 0o7).toBe(0);
      expect(statSync(join(opened[0]!, 'images.npy')).mode & 0o227).toBe(0);
      killed.kill('SIGKILL');
      await killed;
      expect(openedBy(killed.pid!)).toEqual(opened);

      await mkdir(at('broken'));
      await writeFile(at('broken', 'entry.tar.gz'), 'no archive');
      await haet('grade', 'broken', ...words.slice(1), ...keys);
      expect(openedBy(killed.pid!)).toEqual([]);
    });

    test('the process that runs entries never opens the identity; the processes that open it start when no entry runs', async () => {
      await writeFile(at('watch.mjs'), watcher);
      const words = [
        ...['archives', '--track', 'sealed-track', '--out', 'graded'],
        ...onBusyMachine,
        ...inSandbox,
      ];
      const keys = ['--images-key', 'images-key.txt', '--identity', 'identity.txt'];
      const graded = await execa(process.execPath, [join(root, 'cli/bin.mjs'), 'grade', ...words, ...keys], {
        reject: false,
        cwd: folder.path,
        env: { NODE_OPTIONS: `--import=${at('watch.mjs')}`, WATCH_LOG: at('opened.log') },
      });
      expect({ code: graded.exitCode, said: graded.stderr }).toMatchObject({ code: 0 });
      const opened = (await readFile(at('opened.log'), 'utf8')).trim().split('\n');
      const by = (file: string) => [
        ...new Set(opened.filter((line) => line.endsWith(file)).map((line) => line.split(' ')[0])),
      ];
      expect(by('images-key.txt')).toEqual(['grade']);
      expect(by('identity.txt').sort()).toEqual(['score', 'seal']);
    });

    // What follows is decided before a sandbox starts or after it has ended: one is enough.
    if (kind !== 'bubblewrap') return;

    test('a run whose evaluator died before scoring is scored by the next call, and not repeated', async () => {
      const first = await grade(...inSandbox, '--json');
      const { rows }: Standing = lastLine(first.stdout);
      const run = at(folderOf(rows[0]!.runs[0]!.job));
      // The state when the entry has ended and nothing else was done, or a little later.
      const record = JSON.parse(await readFile(join(run, 'record.json'), 'utf8'));
      const predictionsSha256 = sha256(await readFile(join(run, 'predictions', 'predictions.npy')));
      const unscored = {
        kind: 'haet-unscored-run',
        schemaVersion: 1,
        record: { ...record, score: null },
        predictionsSha256,
        evaluatorImage: null,
      };
      for (const gone of [['record.json', 'record.jws', 'report.html'], ['record.jws'], []]) {
        await writeFile(join(run, 'unscored.json'), JSON.stringify(unscored));
        for (const file of gone) await rm(join(run, file));
        const signed = await readFile(join(run, 'record.jws'), 'utf8').catch(() => null);
        const again = await grade(...inSandbox);
        expect(again.stderr).not.toContain('starts');
        expect(again.stderr.match(/\(earlier\)/g)).toHaveLength(1);
        expect(JSON.parse(await readFile(join(run, 'record.json'), 'utf8'))).toEqual(record);
        expect((await haet('verify', join(run, 'record.jws'), '--key', verifyKey)).exitCode).toBe(0);
        expect(existsSync(join(run, 'unscored.json'))).toBe(false);
        // Signed records are not signed again.
        if (signed !== null) expect(await readFile(join(run, 'record.jws'), 'utf8')).toBe(signed);
      }
    });

    test('predictions that encode labels in their log-loss reveal only the accuracy', async () => {
      const oracle = await makeEntry(folder.path, {
        train: 'echo w > "$HAET_OUT_DIR/model"',
        predict: 'exec node oracle.mjs',
        files: { 'oracle.mjs': spellingScores },
      });
      await rm(at('archives/entry.tar.gz'));
      await haet('pack', oracle, '--out', 'archives/oracle.tar.gz');
      const graded = await grade(...inSandbox, '--json');
      const { rows }: Standing = lastLine(graded.stdout);
      const run = at(folderOf(rows[0]!.runs[0]!.job));
      const jws = await readFile(join(run, 'record.jws'), 'utf8');
      const payload = JSON.parse(Buffer.from(jws.split('.')[1]!, 'base64url').toString());
      const record = JSON.parse(await readFile(join(run, 'record.json'), 'utf8'));
      const { correct } = record.score;
      for (const { score } of [record, payload.record]) {
        expect(score).toEqual({
          correct,
          total: 100,
          accuracy: correct / 100,
          wilson95: expect.anything(),
          details: null,
        });
      }
      const published = await Promise.all(
        ['leaderboard.json', 'leaderboard.csv', 'leaderboard.md'].map((file) =>
          readFile(at('graded/public', file), 'utf8'),
        ),
      );
      const page = await readFile(join(run, 'report.html'), 'utf8');
      for (const text of [...published, page, graded.stdout, graded.stderr]) {
        expect(text).not.toMatch(/log-?loss|confusion"|perClass|nats/i);
      }
    });

    test('is not graded with a reveal or a commitment of another contest', async () => {
      await commit(kind);
      await commit(kind, 'other.json', 'otherReveal.json');
      const otherReveal = ['--commitment', 'commitment.json', '--reveal', 'otherReveal.json'];
      const seeds = await grade(...inSandbox, ...otherReveal);
      expect(seeds).toMatchObject({ exitCode: 2, stdout: '' });
      expect(seeds.stderr).toMatch(/otherReveal\.json: the revealed seeds have sha256/);

      const { publicKey, imagesPublicKey } = await keygen('second.txt', 'second-images.txt');
      const to = ['--to', publicKey, '--images-to', imagesPublicKey];
      await haet('seal', 'my-track', ...to, '--out', 'w2.age', '--public', 'second-track');
      const elsewhere = [
        '--track',
        'second-track',
        '--images-key',
        'second-images.txt',
        '--identity',
        'second.txt',
      ];
      const set = await grade(...inSandbox, ...elsewhere, ...committed);
      expect(set).toMatchObject({ exitCode: 2, stdout: '' });
      expect(set.stderr).toMatch(/commitment\.json: the commitment names the sealed set with sha256/);
      expect(existsSync(at('graded', 'runs'))).toBe(false);
    });

    test('is not graded under other terms than the committed ones, and each difference is named', async () => {
      await commit('docker');
      const words = ['--cpus', '2', '--budget', '21'];
      const { exitCode, stdout, stderr } = await grade(...inSandbox, ...committed, ...words);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr.trim().split('\n').at(-1)).toMatch(
        /commitment\.json: the terms differ: 21 s to train, but the commitment says 20 s to train; 2 CPUs, but the commitment says 1 CPU; the sandbox \w+, but the commitment says the sandbox \w+\. Use/,
      );
      expect(existsSync(at('graded', 'runs'))).toBe(false);
    });
  });
}

test('the key is rejected where an entry could read it', async () => {
  const { exitCode, stdout, stderr } = await grade('--trusted');
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(
    /^haet: --sandbox process isolates nothing, .* Use --sandbox bubblewrap or docker\.$/,
  );
  expect(existsSync(at('graded'))).toBe(false);
});
