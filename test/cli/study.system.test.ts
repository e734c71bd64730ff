import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { makeEntry, processesWith, temporaryFolder, uniqueSeconds } from '../evaluator/fixtures.ts';

const haet = resolve('cli/bin.mjs');
const classes = 10;

let folder: string;
let entry: string;
let out: string;
let gate: string;

/**
 * An entry that is right about as many classes as its last word says: the label is in the first pixel of an image. Its
 * first word is a folder: while that has no file `open`, the third run of training waits there.
 */
const train = (pause: string) => `
case "$2" in crash) exit 3 ;; esac
if [ ! -e "$1/open" ] && [ "$(ls "$1" | wc -l)" -ge 2 ]; then touch "$1/waits"; exec sleep ${pause}; fi
touch "$1/run-$HAET_RUN_ID"
echo "\${2:-5}" > "$HAET_OUT_DIR/model"
echo '{"step": 1, "epoch": 1, "loss": 0.5}' >&3
`;
const predict = `
import { readFileSync, writeFileSync } from 'node:fs';
const known = Number(readFileSync(process.env.HAET_MODEL_DIR + '/model', 'utf8'));
const bytes = readFileSync(process.env.HAET_TEST_IMAGES);
const images = bytes.subarray(bytes.length % 3072);
const scores = new Float32Array((images.length / 3072) * ${classes});
for (let image = 0; image < images.length / 3072; image++) {
  const label = images[image * 3072];
  scores[image * ${classes} + (label < known ? label : (label + 1) % ${classes})] = 1;
}
const text = \`{'descr': '<f4', 'fortran_order': False, 'shape': (\${images.length / 3072}, ${classes}), }\`;
const head = Buffer.from('\\x93NUMPY\\x01\\x00\\0\\0' + text.padEnd(117) + '\\n', 'latin1');
head.writeUInt16LE(118, 8);
writeFileSync(process.env.HAET_OUT_DIR + '/predictions.npy', Buffer.concat([head, Buffer.from(scores.buffer)]));
`;

let pause: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  pause = uniqueSeconds();
  [out, gate] = [join(folder, 'out'), join(folder, 'gate')];
  await mkdir(gate);
  entry = await makeEntry(folder, {
    train: train(pause),
    predict: 'exec node predict.mjs',
    files: { 'predict.mjs': predict },
  });
  // Eight images per class, each different; the first value of a row is the label, the second the first pixel.
  const rows = Array.from({ length: 8 * classes }, (_, image) => {
    const pixels = Array.from({ length: 3072 }, (_, at) => (at === 0 ? image % classes : (image * at) % 251));
    return [image % classes, ...pixels].join(',');
  });
  const header = ['label', ...Array.from({ length: 3072 }, (_, at) => `pixel${at}`)].join(',');
  await writeFile(join(folder, 'images.csv'), `${[header, ...rows].join('\n')}\n`);
  await writeFile(join(folder, 'study.yaml'), specOf({}));
});

const specOf = (changes: object): string =>
  stringify({
    schemaVersion: 1,
    name: 'How many classes are known',
    data: { source: 'csv', from: 'images.csv', pixelOrder: 'interleaved', trainPerClass: 2 },
    samples: [5, 6],
    seeds: [1, 2],
    budget: { words: [gate], limitSeconds: 60 },
    baseline: 'five',
    arms: { five: '', six: '6', four: '4', broken: 'crash' },
    search: { kind: 'halving', firstRuns: 1, factor: 3 },
    ...changes,
  });

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs at once and one by one are on the same terms. */
const each = ['--cpus', '1', '--memory', String(2 ** 30)];

function start(...words: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(
    process.execPath,
    [haet, 'study', join(folder, 'study.yaml'), '--entry', entry, '--out', out, ...each, ...words],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]!.on('data', (chunk) => {
      said[stream] += chunk;
    });
  }
  return { child, ended: new Promise((done) => child.once('close', (code) => done({ code, ...said }))) };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo(); waited += 50) {
    if (waited > 60_000) throw new Error(`waited for 60 s: ${isSo}`);
    await sleep(50);
  }
}

const startsIn = ({ stderr }: Ended) => stderr.match(/ {2}starts$/gm)?.length ?? 0;
const records = () =>
  readdirSync(join(out, 'runs'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('record.json'),
  );

test('a study that is killed loses the run in progress only, stops the arms that lose, and keeps runs when it changes', async () => {
  const first = start();
  await until(() => existsSync(join(gate, 'waits')));
  expect(records()).toHaveLength(2);
  const meanwhile = await start().ended;
  expect([meanwhile.code, meanwhile.stderr]).toEqual([
    2,
    expect.stringContaining(`${out}: in use by process ${first.child.pid}`),
  ]);
  first.child.kill('SIGKILL');
  await first.ended;
  await until(() => processesWith(`sleep ${pause}`).length === 0);
  expect(await readFile(join(out, 'study.md'), 'utf8')).toContain('The study is not complete');

  await writeFile(join(gate, 'open'), '');
  const second = await start('--json', '--jobs', '2').ended;
  expect(second.code).toBe(0);
  // Rounds of 1, 3 and 4 runs: four arms, then the baseline and the best of three others.
  expect(startsIn(second)).toBe(4 + 2 * 3 - 2);
  expect(second.stderr.match(/\(earlier\)/g)).toHaveLength(2);
  expect(second.stderr).toContain('Stopped after run 1 of each arm: four, broken.');
  const { arms, isComplete } = JSON.parse(second.stdout.trimEnd().split('\n').at(-1)!);
  expect(isComplete).toBe(true);
  expect(arms).toMatchObject([
    { arm: 'five', isBaseline: true, accuracy: { n: 4, mean: 0.5 }, difference: null },
    { arm: 'six', accuracy: { n: 4, mean: 0.6 }, stoppedAfter: null },
    { arm: 'four', accuracy: { n: 1, mean: 0.4 }, difference: { mean95: null }, stoppedAfter: 1 },
    { arm: 'broken', accuracy: null, faults: { CRASHED: 1 }, stoppedAfter: 1 },
  ]);
  expect(arms[1].difference).toMatchObject({ n: 4, mean: expect.closeTo(0.1, 9) });
  const page = await readFile(join(out, 'study.md'), 'utf8');
  expect(page).toMatch(/\| six \| 4 \| 60\.00 \| 0\.00 \| \+10\.00 \| \+10\.00 to \+10\.00 \| 4 \|/);
  for (const plot of ['accuracy.svg', 'difference.svg', 'curves.svg']) {
    expect(page).toContain(`](${plot})`);
    expect(await readFile(join(out, plot), 'utf8')).toMatch(/^<svg [^>]*xmlns=[\s\S]*six/);
  }
  // All images that are not trained on are held out; no run of the killed call is counted twice.
  expect(page).toContain('60 images that are not trained on');
  expect((await readFile(join(out, 'runs.csv'), 'utf8')).trimEnd().split('\r\n')).toHaveLength(1 + 10);

  await writeFile(join(folder, 'study.yaml'), specOf({ arms: { five: '', more: '6' }, search: 'grid' }));
  const third = await start().ended;
  expect([third.code, startsIn(third)]).toEqual([0, 0]);
  expect(third.stdout).toMatch(/^more +4 +60\.00/m);
});

test('mistakes are named before anything is made', async () => {
  const wrong = join(entry, '..', 'wrong');
  const inEntry = spawnIn(join(entry, 'study.yaml'), specOf({}));
  expect(await inEntry).toMatch(/study\.yaml: lies in the entry, .*Move it out/);
  const spec = join(folder, 'wrong.yaml');
  expect(await spawnIn(spec, specOf({ samples: 'many' }))).toMatch(
    /wrong\.yaml: .*\(at samples\), got "many"/,
  );
  expect(await spawnIn(spec, specOf({ data: { source: 'csv', from: 'none.csv' } }))).toMatch(
    /wrong\.yaml: the samples cannot be drawn: .*none\.csv/,
  );
  expect(await spawnIn(spec, specOf({ data: { source: 'cifar10', from: '.' } }))).toMatch(
    /wrong\.yaml: the samples cannot be drawn: .* [Gg]ive --from .* In this file, --from is `data\.from`/,
  );

  async function spawnIn(file: string, text: string): Promise<string> {
    await writeFile(file, text);
    const child = spawn(process.execPath, [haet, 'study', file, '--entry', entry, '--out', wrong]);
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const code = await new Promise((done) => child.once('close', done));
    expect(code).toBe(2);
    return said;
  }
});
