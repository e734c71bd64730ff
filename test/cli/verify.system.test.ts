import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { seedsSha256 } from '../../datasets/sealing/commitment.ts';
import type { OfficialRecord } from '../../evaluator/attest/officialRecord.ts';
import { signRecord } from '../../evaluator/attest/signedRecord.ts';
import { publicVerifyKey } from '../../evaluator/attest/signingKey.ts';
import { terms } from '../datasets/sealing/madeUpTerms.ts';
import { temporaryFolder } from '../datasets/temporaryFolder.ts';
import {
  hash,
  madeUpOfficial,
  organizerSecret,
  sha256,
  signingKey,
  strangersKey,
  verifyKey,
} from '../evaluator/attest/madeUpOfficial.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = temporaryFolder();
const haet = (...words: string[]) =>
  execa(process.execPath, [join(root, 'cli/bin.mjs'), ...words], { reject: false, cwd: folder.path });

let made: Awaited<ReturnType<typeof madeUpOfficial>>;
let jws: string;
beforeAll(async () => {
  made = await madeUpOfficial();
  jws = await signRecord(made.official, signingKey);
});
beforeEach(async () => {
  await put('record.jws', jws);
  await mkdir(join(folder.path, 'empty'));
});

const put = (name: string, content: string | Uint8Array) => writeFile(join(folder.path, name), content);

/** Every file that a record can be checked against, and its option. */
async function putEverything(): Promise<string[]> {
  const reveal = { nonce: hash('7'), seeds: [1, 2] } as const;
  await put('entry.tar.gz', 'archive');
  await put('predictions.npy', made.predictions);
  await put('withheld.age', 'sealed');
  await mkdir(join(folder.path, 'track', 'train'), { recursive: true });
  await put('track/train/images.npy', 'train images');
  await put('track/train/labels.npy', 'train labels');
  await put('reveal.json', JSON.stringify(reveal));
  await put(
    'commitment.json',
    JSON.stringify({
      schemaVersion: 2,
      terms: {
        ...terms,
        memoryBytes: 7 * 2 ** 30,
        sandbox: 'bubblewrap',
        evaluator: { version: '0.1.0', commit: null },
      },
      sealedSha256: sha256('sealed'),
      seedsSha256: seedsSha256({ ...reveal, seeds: [1, 2] }),
    }),
  );
  return [
    ...['--archive', 'entry.tar.gz', '--predictions', 'predictions.npy', '--sealed', 'withheld.age'],
    ...['--track', 'track', '--commitment', 'commitment.json', '--reveal', 'reveal.json'],
  ];
}

test('reports a valid record, check by check, with what was not checked', async () => {
  const { exitCode, stdout, stderr } = await haet('verify', 'record.jws', '--key', verifyKey);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const lines = stdout.split('\n');
  expect(lines).toHaveLength(17);
  expect(lines.slice(0, 14).every((line) => line.startsWith('  holds  '))).toBe(true);
  expect(lines[14]).toContain(
    'terms: 600 s to train, 60 s to predict, 2 CPUs, 7516192768 bytes of memory, 1024 processes, the sandbox bubblewrap, the image sha256:1',
  );
  expect(lines[15]).toContain(
    'not checked, because not given: --archive, --predictions, --sealed, --track, --labels-key, --commitment, --reveal',
  );
  const { correct, total } = made.official.record.score!;
  expect(lines[16]).toContain(
    `record.jws holds: number 1, attempt 1, SCORED, ${correct} of ${total} correct (`,
  );
  expect(lines[16]).toContain('ResNet-9 by haet, seed 1');
});

test('with --json the last line has everything, for a record with every file that exists before the labels are published', async () => {
  const everything = await putEverything();
  const { exitCode, stdout } = await haet(
    'verify',
    'record.jws',
    '--key',
    verifyKey,
    '--json',
    ...everything,
  );
  expect(exitCode).toBe(0);
  expect(stdout.split('\n')).toHaveLength(1);
  const { holds, checks, notChecked, run } = JSON.parse(stdout);
  expect({ holds, notChecked }).toEqual({ holds: true, notChecked: ['labels-key'] });
  expect(checks.map((check: { name: string }) => check.name).slice(-15)).toEqual([
    'archive',
    'predictions',
    'sealed',
    'track',
    'sealed set committed',
    'train limit',
    'predict limit',
    'cpus',
    'memory',
    'processes',
    'sandbox',
    'image',
    'evaluator',
    'seeds revealed',
    'seed',
  ]);
  const { correct, total, accuracy, wilson95 } = made.official.record.score!;
  expect(run).toMatchObject({
    verdict: 'SCORED',
    score: { correct, total, accuracy, wilson95 },
    seed: 1,
    number: 1,
    attempt: 1,
    terms: { cpus: 2, sandbox: 'bubblewrap' },
  });
});

test('explains what is invalid, and prints nothing of the record', async () => {
  const at = Math.floor(jws.length / 2);
  await put('record.jws', jws.slice(0, at) + (jws[at] === 'A' ? 'B' : 'A') + jws.slice(at + 1));
  const words = ['verify', 'record.jws', '--key', verifyKey];
  const { exitCode, stdout, stderr } = await haet(...words);
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
  expect(stdout).toMatch(/\n {2}FAILS {2}signature {2}the signature does not match these bytes/);
  expect(stdout.split('\n').at(-1)).toMatch(/^record\.jws does not hold: .* the record was changed.*\.$/);
  expect(stdout).not.toContain('ResNet');

  const machine = await haet(...words, '--json');
  expect(machine.exitCode).toBe(1);
  expect(JSON.parse(machine.stdout)).toMatchObject({ holds: false, run: null });
});

test('another file, another key and other seeds are invalid, with status 1', async () => {
  const everything = await putEverything();
  await put('withheld.age', 'another set');
  const otherSet = await haet('verify', 'record.jws', '--key', verifyKey, ...everything);
  expect(otherSet).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining('withheld.age has sha256'),
  });

  const otherKey = await haet('verify', 'record.jws', '--key', publicVerifyKey(strangersKey));
  expect(otherKey).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining('it was signed by someone else'),
  });

  await put('text.txt', 'text');
  const noRecord = await haet('verify', 'text.txt', '--key', verifyKey);
  expect(noRecord).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining('has 1 parts separated by dots'),
  });

  const noBundle = await haet('verify', 'entry.tar.gz', '--key', verifyKey);
  expect(noBundle).toMatchObject({
    exitCode: 1,
    stdout: expect.stringMatching(/this is a text file\. Give a bundle that `haet export` wrote\./),
  });
});

describe('several records are checked as a chain:', () => {
  let head: string;
  beforeEach(async () => {
    await mkdir(join(folder.path, 'graded', 'runs'), { recursive: true });
    let previousSha256: string | null = null;
    for (const [at, verdict] of (['INFRA_FAULT', 'SCORED', 'SCORED'] as const).entries()) {
      const official: OfficialRecord = structuredClone(made.official);
      official.chain = { number: at + 1, previousSha256 };
      Object.assign(official.record, { attempt: at === 1 ? 3 : 1, seed: at === 2 ? 2 : 1 });
      if (verdict === 'INFRA_FAULT') {
        Object.assign(official.record, { verdict, owner: 'infrastructure', score: null });
      }
      const text = await signRecord(official, signingKey);
      previousSha256 = sha256(Buffer.from(text));
      // Files that an entry left in a subfolder do not belong to the chain.
      await mkdir(join(folder.path, `graded/runs/job-${at % 2}/run-${at}/model`), { recursive: true });
      await put(`graded/runs/job-${at % 2}/run-${at}/record.jws`, text);
      await put(`graded/runs/job-${at % 2}/run-${at}/model/record.jws`, 'forged');
    }
    head = previousSha256!;
  });
  const verify = (...words: string[]) => haet('verify', ...words, '--key', verifyKey);

  test('accepts a folder with its head, and lists every attempt', async () => {
    const { exitCode, stdout, stderr } = await verify('graded', '--head', head);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[0]).toMatch(
      /^ {2}holds {2}graded\/runs\/job-0\/run-0\/record\.jws {2}number 1, attempt 1, INFRA/,
    );
    const archive = made.official.record.archiveSha256!.slice(0, 16);
    expect(lines.slice(3)).toEqual([
      `  attempts of archive ${archive}, seed 1: 1 INFRA_FAULT (number 1), 3 SCORED (number 2); no record of attempt 2`,
      `  attempts of archive ${archive}, seed 2: 1 SCORED (number 3)`,
      `3 records hold; the last is number 3 with sha256 ${head}`,
    ]);
    const machine = await verify('graded', '--json');
    expect(JSON.parse(machine.stdout)).toMatchObject({
      holds: true,
      faults: [],
      head: { number: 3, sha256: head },
      records: [{ number: 1 }, { number: 2 }, { number: 3 }],
    });
    expect(machine.stderr).toContain('not checked, because --head is missing');
  });

  test('detects a deleted run, also the last one', async () => {
    const middle = await verify('graded/runs/job-0/run-0/record.jws', 'graded/runs/job-0/run-2/record.jws');
    expect(middle).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(/FAILS {2}chain {2}number 2 is missing from the chain before .*run-2/),
    });
    await rm(join(folder.path, 'graded/runs/job-0/run-2'), { recursive: true });
    expect(await verify('graded')).toMatchObject({ exitCode: 0 });
    expect(await verify('graded', '--head', head)).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(/later records are missing, or the last one was exchanged\.$/),
    });
  });

  test('names a record that is invalid by itself', async () => {
    await put('graded/runs/job-1/run-1/record.jws', 'no record');
    const { exitCode, stdout } = await verify('graded', '--head', head);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(
      /The records do not hold: graded\/runs\/job-1\/run-1\/record\.jws does not hold: /,
    );
  });
});

test.each([
  ['no key', ['record.jws'], /^haet: --key is missing\. .*the organizer published before the contest/],
  ['a key cut short', ['record.jws', '--key', 'haet1abc'], /^haet: "haet1abc" is not a verify key/],
  ['the secret', ['record.jws', '--key', organizerSecret], /^haet: a secret key was given/],
  ['no such record', ['none.jws', '--key', verifyKey], /^haet: none\.jws: cannot be read \(ENOENT\)/],
  [
    'a folder without a record',
    ['empty', '--key', verifyKey],
    /^haet: empty: contains no record\.jws\. Give/,
  ],
  [
    'a device',
    ['/dev/null', '--key', verifyKey],
    /^haet: \/dev\/null: cannot be read \(not a regular file\)/,
  ],
  [
    'a head with a single record',
    ['record.jws', '--key', verifyKey, '--head', hash('1')],
    /^haet: --head needs all/,
  ],
  [
    'the archive of one run with several records',
    ['record.jws', 'record.jws', '--key', verifyKey, '--archive', 'a.tar'],
    /^haet: --archive: applies to one run/,
  ],
  [
    'no such archive',
    ['record.jws', '--key', verifyKey, '--archive', 'none.tar'],
    /^haet: none\.tar: cannot be/,
  ],
  [
    'seeds without a commitment',
    ['record.jws', '--key', verifyKey, '--reveal', 'r.json'],
    /^haet: --reveal needs --commitment/,
  ],
  [
    'a labels key without the sealed set',
    ['record.jws', '--key', verifyKey, '--labels-key', 'k.json', '--predictions', 'p.npy'],
    /^haet: --labels-key needs --sealed withheld\.age and --predictions/,
  ],
  [
    'an invalid labels key',
    [
      ...['record.jws', '--key', verifyKey, '--labels-key', 'record.jws'],
      ...['--predictions', 'p.npy', '--sealed', 'w.age'],
    ],
    /^haet: record\.jws: is not a labels key/,
  ],
  [
    'an invalid commitment',
    ['record.jws', '--key', verifyKey, '--commitment', 'record.jws'],
    /^haet: record\.jws: is not a commitment/,
  ],
])('rejects %s: one sentence, status 2', async (_, words, message) => {
  const { exitCode, stdout, stderr } = await haet('verify', ...words);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});
