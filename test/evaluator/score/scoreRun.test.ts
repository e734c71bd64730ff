import { createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { readIdentity } from '../../../datasets/sealing/readIdentity.ts';
import { readSealedTrack } from '../../../datasets/sealing/sealedTrack.ts';
import { signatureFault } from '../../../evaluator/attest/attestor.ts';
import { deriveSigningKey } from '../../../evaluator/attest/signingKey.ts';
import type { RunRecord } from '../../../evaluator/run/record.ts';
import { writeUnscored } from '../../../evaluator/run/unscored.ts';
import { scoreRun } from '../../../evaluator/score/scoreRun.ts';
import { madeUpOfficial } from '../attest/madeUpOfficial.ts';
import { constantPredictions, temporaryFolder } from '../fixtures.ts';
import { type SealedTiny, sealedTiny } from '../sealedTiny.ts';

let folder: string;
let tiny: SealedTiny;
let given: { readonly track: string; readonly identity: string; readonly chain: string };
let madeUp: RunRecord;
beforeAll(async () => {
  folder = await temporaryFolder();
  tiny = await sealedTiny(folder);
  const { official } = await madeUpOfficial();
  madeUp = { ...official.record, track: (await readSealedTrack(tiny.dir)).info, score: null };
});

let run: string;
beforeEach(async () => {
  const chain = await mkdtemp(join(folder, 'runs-'));
  given = { track: tiny.dir, identity: tiny.identity, chain };
  run = join(chain, 'run');
  await mkdir(join(run, 'model'), { recursive: true });
  await writeFile(join(run, 'model', 'weights'), 'weights');
  await mkdir(join(run, 'predictions'));
  await writeFile(join(run, 'predictions', 'predictions.npy'), constantPredictions(1000));
});
const awaiting = (change: Partial<RunRecord> = {}) =>
  writeUnscored({ ...madeUp, folder: run, ...change }, null);
const files = () => readdir(run).then((names) => names.filter((name) => name !== '.lock').sort());
const fault = async () =>
  signatureFault(run, createPublicKey(deriveSigningKey(await readIdentity(tiny.identity))));
const done = ['model', 'predictions', 'record.json', 'record.jws', 'score-details.json.age'];

test('a run is scored and signed, and its record reveals only the accuracy', async () => {
  await awaiting();
  const { record, signed } = await scoreRun(run, given);
  expect(record.score).toEqual({
    correct: 100,
    total: 1000,
    accuracy: 0.1,
    wilson95: expect.anything(),
    details: null,
  });
  expect(signed).toBe(join(run, 'record.jws'));
  expect(await fault()).toBeNull();
  expect(await files()).toEqual(done);
});

test.each([
  ['before it wrote anything', ['record.json', 'record.jws', 'score-details.json.age']],
  ['before it wrote the record', ['record.json', 'record.jws']],
  ['before it signed', ['record.jws']],
])('completes a score killed %s', async (_, gone) => {
  await awaiting();
  const { record } = await scoreRun(run, given);
  await awaiting();
  for (const file of gone) await rm(join(run, file));
  expect((await scoreRun(run, given)).record).toEqual(record);
  expect(await fault()).toBeNull();
  expect(await files()).toEqual(done);
});

test('does not sign again after a kill that followed the signature', async () => {
  await awaiting();
  const first = await scoreRun(run, given);
  const jws = await readFile(join(run, 'record.jws'), 'utf8');
  await awaiting();
  expect(await scoreRun(run, given)).toEqual(first);
  expect(await readFile(join(run, 'record.jws'), 'utf8')).toBe(jws);
  expect(await files()).toEqual(done);
});

test.each([
  ['the first of its chain', null],
  ['not the first of its chain', 'earlier'],
])('the head of the chain advances to a record whose scorer was killed before, %s', async (_, earlier) => {
  const head = join(given.chain, 'chain.json');
  if (earlier !== null) {
    await cp(run, join(given.chain, earlier), { recursive: true });
    await writeUnscored({ ...madeUp, folder: join(given.chain, earlier) }, null);
    await scoreRun(join(given.chain, earlier), given);
  }
  const before = earlier === null ? null : await readFile(head, 'utf8');
  await awaiting();
  const first = await scoreRun(run, given);
  const after = await readFile(head, 'utf8');
  await awaiting();
  if (before === null) await rm(head);
  else await writeFile(head, before);
  expect(await scoreRun(run, given)).toEqual(first);
  expect(after).not.toBe(before);
  expect(await readFile(head, 'utf8')).toBe(after);
});

test('a run that a person stopped is also signed, and its record states it', async () => {
  const [train, ...others] = madeUp.stages;
  const seconds = 100;
  const kill = {
    signalledAtSeconds: seconds,
    stoppedAtSeconds: seconds,
    goneAtSeconds: seconds,
    overshootMs: 0,
    processesKilled: 1,
  };
  const usage = train!.usage.filter(({ atSeconds }) => atSeconds < seconds);
  const cpuSeconds = Math.min(train!.cpuSeconds, seconds);
  const cut = { ...train!, ended: 'interrupted' as const, exitCode: null, signal: 'SIGKILL' };
  const stages = [{ ...cut, seconds, kill, usage, cpuSeconds }, ...others];
  await awaiting({ verdict: 'SCORED_SALVAGED', stages });
  const { record, signed } = await scoreRun(run, given);
  expect(record.stages[0]!.ended).toBe('interrupted');
  expect({ correct: record.score!.correct, signed }).toEqual({
    correct: 100,
    signed: join(run, 'record.jws'),
  });
  expect(await fault()).toBeNull();
});

test.each<[string, () => Promise<unknown>, RegExp]>([
  [
    'whose predictions were changed',
    () => writeFile(join(run, 'predictions', 'predictions.npy'), constantPredictions(1000, 6)),
    /predictions\.npy changed after the run/,
  ],
  [
    'on another Track',
    () => awaiting({ track: { ...madeUp.track!, name: 'other' } as RunRecord['track'] }),
    /is not the Track of the run/,
  ],
  ['that is none', () => rm(join(run, 'unscored.json')), /has no unscored\.json/],
])('a run %s is not scored', async (_, change, sentence) => {
  await awaiting();
  await change();
  await expect(scoreRun(run, given)).rejects.toThrow(sentence);
  expect(existsSync(join(run, 'record.json'))).toBe(false);
});

test('the images key opens no label: it scores and signs nothing', async () => {
  await awaiting();
  await expect(scoreRun(run, { ...given, identity: tiny.imagesKey })).rejects.toThrow(
    /its public key is age1\S+, but the labels are sealed to age1/,
  );
  expect(existsSync(join(run, 'record.json'))).toBe(false);
});
