import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import fc from 'fast-check';
import { formatNpy } from '../../../datasets/npy.ts';
import { type LabelsKey, makeLabelsKey } from '../../../datasets/sealing/labelsKey.ts';
import { openImages, openLabels } from '../../../datasets/sealing/openSealed.ts';
import type { SealedTrackInfo } from '../../../datasets/sealing/sealedTrack.ts';
import { sealTrack } from '../../../datasets/sealing/sealTrack.ts';
import { rescoreFault } from '../../../evaluator/attest/consistency/score.ts';
import { buildOfficialRecord, type OfficialRecord } from '../../../evaluator/attest/officialRecord.ts';
import { signRecord } from '../../../evaluator/attest/signedRecord.ts';
import { verifyRecord } from '../../../evaluator/attest/verifyRecord.ts';
import type { Score } from '../../../evaluator/run/record.ts';
import { score } from '../../../evaluator/score/score.ts';
import { numberedTrack } from '../../datasets/sealing/numberedTrack.ts';
import { temporaryFolder } from '../fixtures.ts';
import { key, madeUpOfficial, sha256, signingKey } from './madeUpOfficial.ts';

let folder: string;
const at = (name: string) => join(folder, name);
const testSize = 30;
const truth = Array.from({ length: testSize }, (_, index) => (index * 3) % 10);
const width = 10;

let official: OfficialRecord;
let withheld: Uint8Array;
let labelsKey: LabelsKey;
let labels: Uint8Array;
let classes: readonly string[];
beforeAll(async () => {
  folder = await temporaryFolder();
  ({ official } = await madeUpOfficial());
  const identity = await generateX25519Identity();
  ({ withheld, labelsKey } = await seal(identity));
  const opened = await openImages(withheld, identity);
  labels = await openLabels(opened.sealedLabels, identity, opened.info);
  classes = opened.info.classes;
  await writeFile(at('withheld.age'), withheld);
});

async function seal(identity: string) {
  const dir = await numberedTrack(await mkdtemp(join(folder, 'track-')), truth);
  const images = await identityToRecipient(await generateX25519Identity());
  const { bytes } = await sealTrack(dir, { organizer: await identityToRecipient(identity), images });
  return { withheld: bytes, labelsKey: await makeLabelsKey(bytes, identity, 'withheld.age') };
}

/** Returns scores for the given classes, with confidence that rises slightly from row to row. */
function saying(said: readonly number[]): Float32Array {
  const scores = new Float32Array(testSize * width);
  said.forEach((label, row) => {
    scores[row * width + label] = 1 + row / testSize;
  });
  return scores;
}
const npy = (scores: Float32Array) => formatNpy('float32', new Float32Array(scores), [testSize, width]);

/** Returns a consistent record on the sealed set, with a score and the digest of predictions. */
function recordOf(given: Score | null, predictions: Uint8Array, verdict = 'SCORED'): OfficialRecord {
  const record = structuredClone(official.record);
  const { sealed } = record.track as SealedTrackInfo;
  Object.assign(record, { verdict, score: given });
  Object.assign(record.track!, { classes: [...classes], testSize });
  sealed.sha256 = sha256(withheld);
  const { digests, chain } = official;
  return buildOfficialRecord(record, { ...digests, chain, predictions: sha256(predictions) });
}

/** Returns the last finding of verification for a record that the organizer signed, with predictions and labels. */
async function verified(
  record: OfficialRecord,
  predictions: Uint8Array,
  key_ = labelsKey,
): Promise<{ holds: boolean; name: string; says: string }> {
  await writeFile(at('predictions.npy'), predictions);
  const jws = await signRecord(record, signingKey);
  const files = { sealed: at('withheld.age'), predictions: at('predictions.npy') };
  const { holds, checks } = await verifyRecord(Buffer.from(jws), { key, files, labelsKey: key_ });
  const { name, says } = checks.at(-1)!;
  return { holds, name, says };
}

/** Two of three are right in any order of the sealed set. */
const guesses = () => Array.from(labels, (label, row) => (row % 3 === 0 ? (label + 1) % width : label));

describe('the predictions of a signed record, when scored again,', () => {
  test('match if they give the score', async () => {
    const scores = saying(guesses());
    const record = recordOf(score(scores, labels, classes), npy(scores));
    expect(await verified(record, npy(scores))).toMatchObject({ holds: true, name: 'scored again' });
  });

  test('do not match if the organizer signed a better, consistent score', async () => {
    const scores = saying(guesses());
    const perfect = score(saying([...labels]), labels, classes);
    expect(await verified(recordOf(perfect, npy(scores)), npy(scores))).toEqual({
      holds: false,
      name: 'scored again',
      says: 'the score says correct 30, but the predictions give 20',
    });
  });

  test('do not match any other score, and match the same score', async () => {
    const said = fc.array(fc.nat(9), { minLength: testSize, maxLength: testSize });
    await fc.assert(
      fc.asyncProperty(said, said, async (one, other) => {
        const scores = saying(one);
        const own = score(scores, labels, classes);
        expect(await verified(recordOf(own, npy(scores)), npy(scores))).toMatchObject({ holds: true });
        const signed = score(saying(other), labels, classes);
        const { holds } = await verified(recordOf(signed, npy(scores)), npy(scores));
        expect(holds).toBe(JSON.stringify(signed) === JSON.stringify(own));
      }),
      { numRuns: 30 },
    );
  });

  test('do not match if they are invalid, or recorded as missing', async () => {
    const scores = saying(guesses());
    const given = score(scores, labels, classes);
    const nothing = saying(guesses()).fill(Number.NaN, 3, 4);
    expect(await verified(recordOf(given, npy(nothing)), npy(nothing))).toMatchObject({
      holds: false,
      says: expect.stringMatching(
        /^there is a score, but the predictions are invalid: .*row 0, column 3 is NaN/,
      ),
    });
    const denied = recordOf(null, npy(scores), 'INVALID_OUTPUT');
    expect(await verified(denied, npy(scores))).toMatchObject({
      holds: false,
      says: 'the verdict is INVALID_OUTPUT, but the predictions can be scored',
    });
    const rightlyDenied = recordOf(null, npy(nothing), 'INVALID_OUTPUT');
    expect(await verified(rightlyDenied, npy(nothing))).toMatchObject({ holds: true });
  });
});

describe('labels of another set are rejected:', () => {
  let scores: Float32Array;
  beforeAll(() => {
    scores = saying(guesses());
  });

  test('the key of another sealed set, by its digest', async () => {
    const other = await seal(await generateX25519Identity());
    const record = recordOf(score(scores, labels, classes), npy(scores));
    expect(await verified(record, npy(scores), other.labelsKey)).toEqual({
      holds: false,
      name: 'labels',
      says: `the labels key opens the sealed set with sha256 ${sha256(other.withheld)}, but the record says ${sha256(withheld)}`,
    });
  });

  test.each(['setKey', 'labelsKey'] as const)('a %s that does not belong to the file', async (name) => {
    const record = recordOf(score(scores, labels, classes), npy(scores));
    const changed = { ...labelsKey, [name]: '0123456789abcdef'.repeat(2) };
    expect(await verified(record, npy(scores), changed)).toMatchObject({
      holds: false,
      name: 'labels',
      says: expect.stringContaining('does not open with the given file key'),
    });
  });

  test('a sealed file with other classes than in the record', async () => {
    const record = recordOf(score(scores, labels, classes), npy(scores));
    record.record.track!.classes[0] = 'zeppelin';
    record.record.score!.details!.perClass[0]!.name = 'zeppelin';
    expect(await verified(record, npy(scores))).toMatchObject({
      holds: false,
      name: 'labels',
      says: expect.stringContaining('the classes of the sealed set differ'),
    });
  });
});

describe('each figure of a score is compared:', () => {
  const cases: [string, RegExp, (given: Score) => void][] = [
    ['images', /^the score counts 31 images, but there are 30 labels$/, (given) => void given.total++],
    ['correct', /^the score says correct \d+, but/, (given) => void given.correct++],
    [
      'accuracy',
      /^the score says accuracy 0\.5, but/,
      (given) => {
        given.accuracy = 0.5;
      },
    ],
    [
      'interval',
      /^the score says the interval 0 to/,
      (given) => {
        given.wilson95[0] = 0;
      },
    ],
    [
      'class',
      /^the score says class "class 4" \d of 3, but/,
      (given) => void given.details!.perClass[4]!.correct++,
    ],
    [
      'no class',
      /^the score says class "class 9" nothing, but/,
      (given) => void given.details!.perClass.pop(),
    ],
    [
      'confusion',
      /^the score says the confusion matrix row of class "class 2"/,
      (given) => void given.details!.confusion[2]![0]!++,
    ],
    [
      'log-loss',
      /^the score says log-loss/,
      (given) => {
        given.details!.logLoss += 1e-6;
      },
    ],
    [
      'calibration',
      /^the calibration/,
      (given) => {
        given.details!.calibration.expectedError += 1e-6;
      },
    ],
    ['bins', /^the calibration/, (given) => void given.details!.calibration.bins.pop()],
    [
      'a bin',
      /^the calibration/,
      (given) => {
        given.details!.calibration.bins[3]!.confidence += 1e-6;
      },
    ],
  ];
  test.each(cases)('%s', (_, says, change) => {
    const again = score(saying(guesses()), labels, classes);
    const recorded: Score = JSON.parse(JSON.stringify(again));
    expect(rescoreFault(recorded, again)).toBeNull();
    change(recorded);
    expect(rescoreFault(recorded, again)).toMatch(says);
  });
});
