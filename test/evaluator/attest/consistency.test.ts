import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { TrackInfo } from '../../../datasets/track.ts';
import { intervalFault, scoreFault } from '../../../evaluator/attest/consistency/score.ts';
import { buildOfficialRecord, type OfficialRecord } from '../../../evaluator/attest/officialRecord.ts';
import { signRecord } from '../../../evaluator/attest/signedRecord.ts';
import { verifyRecord } from '../../../evaluator/attest/verifyRecord.ts';
import type { RunRecord, Score, ScoreDetails, StageRecord } from '../../../evaluator/run/record.ts';
import { score } from '../../../evaluator/score/score.ts';
import { hash, key, madeUpOfficial, sha256, signingKey } from './madeUpOfficial.ts';

let made: OfficialRecord;
let onOpenTrack: OfficialRecord;
beforeAll(async () => {
  ({ official: made, onOpenTrack } = await madeUpOfficial());
});

type Change = (record: RunRecord, official: OfficialRecord) => void;

/** Returns the last finding of verification for a record that the organizer signed after a change. */
async function afterChange(change: Change) {
  const official = structuredClone(made);
  change(official.record, official);
  const jws = await signRecord(official, signingKey);
  const { holds, checks } = await verifyRecord(Buffer.from(jws), { key });
  const { name, says } = checks.at(-1)!;
  return { holds, name, says };
}

function killReceiptsOf(
  record: RunRecord,
  { digests, chain }: OfficialRecord,
): OfficialRecord['killReceipts'] {
  return buildOfficialRecord(record, { ...digests, chain }).killReceipts;
}

type KilledStage = StageRecord & { kill: NonNullable<StageRecord['kill']> };

/** Changes training into one that was killed at its deadline of 600 s. */
function cutTraining(record: RunRecord, official: OfficialRecord): KilledStage {
  const train = record.stages[0]!;
  const stoppedAtSeconds = 600.02;
  const kill = {
    signalledAtSeconds: 600.001,
    stoppedAtSeconds,
    goneAtSeconds: 604.7, // the time the kernel takes to end the processes does not count
    overshootMs: (stoppedAtSeconds - 600) * 1000,
    processesKilled: 3,
  };
  Object.assign(train, {
    ended: 'deadline',
    exitCode: null,
    signal: 'SIGKILL',
    seconds: stoppedAtSeconds,
    kill,
  });
  record.verdict = 'SCORED_SALVAGED';
  official.killReceipts = killReceiptsOf(record, official);
  return train as KilledStage;
}

const stoppedLate = {
  signalledAtSeconds: 630,
  stoppedAtSeconds: 630.5,
  goneAtSeconds: 631,
  overshootMs: 30_500,
};
const noLimitHits = { outOfMemoryKills: 0, memoryUsedUp: false, processesRefused: 0 };

/** A record and parts of it, for changes in one line. */
interface Parts {
  readonly record: RunRecord;
  readonly official: OfficialRecord;
  readonly score: Score & { details: ScoreDetails };
  readonly train: StageRecord;
  readonly predict: StageRecord;
  readonly again: StageRecord;
  /** Changes training into one that was killed at its deadline, see `cutTraining`. */
  readonly cut: (change?: Partial<KilledStage>, kill?: Partial<KilledStage['kill']>) => void;
}

/** Changes a part of a record, so that it contradicts the other parts. */
type Break = (parts: Parts) => unknown;

const broken =
  (change: Break): Change =>
  (record, official) => {
    const [train, predict, again] = record.stages as [StageRecord, StageRecord, StageRecord];
    const cut: Parts['cut'] = (fields = {}, kill = {}) => {
      const stage = cutTraining(record, official);
      Object.assign(stage, fields);
      Object.assign(stage.kill, kill);
    };
    const score = record.score as Parts['score'];
    change({ record, official, score, train, predict, again, cut });
  };

const set = Object.assign;
const hexadecimal = '[0-9a-f]{64}';

describe('a signed record that contradicts itself is rejected with a sentence:', () => {
  const cases: Record<string, readonly (readonly [says: string | RegExp, Break])[]> = {
    verdict: [
      [
        'SCORED belongs to the contestant, but the record says the organizer',
        ({ record }) => set(record, { owner: 'organizer' }),
      ],
      ['the verdict is SCORED, but there is no score', ({ record }) => set(record, { score: null })],
      ['the verdict is CRASHED, but there is a score', ({ record }) => set(record, { verdict: 'CRASHED' })],
      ['the verdict is SCORED without three stages', ({ record }) => record.stages.pop()],
      [
        'the verdict is SCORED, but prediction did not end with status 0',
        ({ predict }) => set(predict, { exitCode: 1 }),
      ],
      [
        'the verdict is SCORED, but its second prediction did not end with status 0',
        ({ again }) => set(again, { exitCode: 1 }),
      ],
      [
        'the verdict is SCORED, but training did not end with status 0: that would be SCORED_SALVAGED',
        ({ train }) => set(train, { exitCode: 1 }),
      ],
      [
        'the verdict is SCORED_SALVAGED, but training ended with status 0: that would be SCORED',
        ({ record }) => set(record, { verdict: 'SCORED_SALVAGED' }),
      ],
    ],
    score: [
      ['there is a score, but no Track', ({ record }) => set(record, { track: null })],
      [
        '1000 images were scored, but the Track has 999',
        ({ record }) => set(record.track!, { testSize: 999 }),
      ],
      ['1001 of 1000 are correct', ({ score }) => set(score, { correct: 1001 })],
      [
        /^the accuracy is 0\.99, but \d+ of 1000 correct are 0\.\d+$/,
        ({ score }) => set(score, { accuracy: 0.99 }),
      ],
      [
        'the classes of the score are not the Track’s',
        ({ score }) => set(score.details.perClass[0]!, { name: 'zeppelin' }),
      ],
      [
        /^the classes have \d+ correct in total, but the score says \d+$/,
        ({ score }) =>
          set(score, { correct: score.correct + 1, accuracy: (score.correct + 1) / score.total }),
      ],
      [
        'the classes have 1001 images in total, but the score says 1000',
        ({ score }) => score.details.perClass[0]!.total++,
      ],
      ['the confusion matrix is not 10 by 10 counts', ({ score }) => score.details.confusion.pop()],
      [
        'the confusion matrix is not 10 by 10 counts',
        ({ score }) => set(score.details.confusion[0]!, { 1: -1 }),
      ],
      [
        /^class "bird" has an accuracy of 1, but \d+ of 100 correct$/,
        ({ score }) => set(score.details.perClass[2]!, { accuracy: 1 }),
      ],
      [
        /^class "airplane" has \d+ correct, but the diagonal of the confusion matrix says \d+$/,
        ({ score: { details } }) => {
          details.confusion[0]![0]!--;
          details.confusion[0]![1]!++;
        },
      ],
      [
        'class "truck" has 100 images, but its row of the confusion matrix has 101',
        ({ score }) => score.details.confusion[9]![0]!++,
      ],
      [
        'the calibration counts 1001 images, but the score says 1000',
        ({ score }) => score.details.calibration.bins[3]!.count++,
      ],
      [
        /^the calibration counts [\d.]+ correct, but the score says \d+$/,
        ({ score: { details } }) => {
          details.calibration.bins[14]!.accuracy /= 2;
        },
      ],
      [
        /^the calibration error is 0, but its bins give 0\.\d+$/,
        ({ score }) => set(score.details.calibration, { expectedError: 0 }),
      ],
    ],
    interval: [
      [
        /^the interval is 0\.99 to 0\.\d+, but \d+ of 1000 correct give 0\.\d+ to 0\.\d+$/,
        ({ score }) => set(score.wilson95, { 0: 0.99 }),
      ],
    ],
    limits: [
      [
        'the stages were predict-again, predict, train; expected train, then predict, then predict-again',
        ({ record }) => record.stages.reverse(),
      ],
      ['predict ran under 61 s, but the limit is 60 s', ({ predict }) => set(predict, { limitSeconds: 61 })],
    ],
    times: [
      [
        'train ended by itself after 600.5 s, beyond its limit of 600 s',
        ({ train }) => set(train, { seconds: 600.5 }),
      ],
      [
        'train ended by deadline but was not killed',
        ({ cut, train }) => {
          cut();
          train.kill = null;
        },
      ],
      ['train was stopped before it was killed', ({ cut }) => cut({}, { signalledAtSeconds: 600.5 })],
      ['train was gone before it was stopped', ({ cut }) => cut({}, { goneAtSeconds: 600.01 })],
      ['train lasted 599 s, but was stopped at 600.02 s', ({ cut }) => cut({ seconds: 599 })],
      [
        'train was killed at 480 s, before its deadline of 600 s',
        ({ cut }) => cut({}, { signalledAtSeconds: 480 }),
      ],
      [
        /^train has an overshoot of 1 ms, but its times give 19\.99\d+ ms$/,
        ({ cut }) => cut({}, { overshootMs: 1 }),
      ],
      [
        'train was stopped 30.5 s after its deadline, but the run was scored',
        ({ cut }) => cut({ seconds: 630.5 }, stoppedLate),
      ],
      [
        'train was stopped 1.5 s after its deadline, but the run was scored',
        ({ cut }) => cut({ seconds: 601.5 }, { stoppedAtSeconds: 601.5, overshootMs: 1500 }),
      ],
    ],
    resources: [
      [
        'train has a sample of its resources at 3 s after one at 4 s',
        ({ train: { usage } }) => {
          [usage[3], usage[4]] = [usage[4]!, usage[3]!];
        },
      ],
      [
        'predict has a sample of its resources at 70 s, but lasted 6.2 s',
        ({ predict }) => set(predict.usage.at(-1)!, { atSeconds: 70 }),
      ],
    ],
    held: [
      ...(
        [
          ['memory', 'memory'],
          ['processes', 'the number of processes'],
          ['cpus', 'CPU time'],
          ['network', 'the network'],
        ] as const
      ).map(
        ([name, shown]) =>
          [
            `the bubblewrap sandbox did not enforce ${shown}`,
            ({ record }: Parts) => set(record.sandbox.holds, { [name]: false }),
          ] as const,
      ),
      [
        'train used 786432000 bytes of memory, but the limit is 209715200 bytes',
        ({ record, train }) => {
          record.limits.memoryBytes = 200 * 2 ** 20;
          train.limitHits = { ...noLimitHits, peakMemoryBytes: 750 * 2 ** 20 };
        },
      ],
      [
        /^train had \d+ bytes of memory per process at \d+ s, but the limit is 1073741824 bytes$/,
        ({ record }) => set(record.limits, { memoryBytes: 2 ** 30 }), // its one process had 2.8 GiB
      ],
      [
        'predict had 1025 processes, but the limit is 1024',
        ({ predict }) => set(predict.usage[2]!, { processes: 1025 }),
      ],
      [
        'train used 1300 s of CPU time in 594.3 s, more than 2 CPUs give',
        ({ train }) => set(train, { cpuSeconds: 1300 }),
      ],
    ],
    'kill receipts': [
      ['there are 2 kill receipts for 3 stages', ({ official }) => official.killReceipts.pop()],
      [
        '2 processes of the train stage were left alive',
        ({ record, official, train }) => {
          train.processesLeft = 2;
          official.killReceipts = killReceiptsOf(record, official);
        },
      ],
      [
        'the kill receipt of train says processesLeft 0, but the stage null',
        ({ train }) => set(train, { processesLeft: null }),
      ],
      [
        'the kill receipt of train says killedProcesses 0, but the stage 3',
        ({ official, cut }) => {
          cut();
          official.killReceipts[0]!.killedProcesses = 0;
        },
      ],
      [
        'the kill receipt of predict says millisecondsAfterDeadline 5, but the stage null',
        ({ official }) => set(official.killReceipts[1]!, { millisecondsAfterDeadline: 5 }),
      ],
    ],
    digests: [
      [
        `the digest entry is ${hash('f')}, but the record of the run says ${hash('a')}`,
        ({ official }) => set(official.digests, { entry: hash('f') }),
      ],
      [
        `the digest archive is ${hash('f')}, but the record of the run says ${sha256('archive')}`,
        ({ official }) => set(official.digests, { archive: hash('f') }),
      ],
      [
        `the digest archive is ${sha256('archive')}, but the record of the run says nothing`,
        ({ record }) => set(record, { archiveSha256: null }),
      ],
      [
        `the digest sealedSet is ${hash('f')}, but the record of the run says ${sha256('sealed')}`,
        ({ official }) => set(official.digests, { sealedSet: hash('f') }),
      ],
      [
        `the digest sealedSet is ${sha256('sealed')}, but the record of the run says nothing`,
        ({ record }) => set(record, { track: onOpenTrack.record.track }),
      ],
      [
        `the digest image is sha256:${hash('1')}, but the record of the run says sha256:${hash('9')}`,
        ({ record }) => set(record.sandbox, { image: `sha256:${hash('9')}` }),
      ],
      [
        'the digest evaluatorCommit is missing, but the record of the run says eb19935c0ffee',
        ({ official }) => set(official.digests, { evaluatorCommit: null }),
      ],
      [
        new RegExp(`^the digest trainLabels is ${hexadecimal}, but the record of the run says nothing$`),
        ({ record, official }) => {
          const track = structuredClone(onOpenTrack.record.track as TrackInfo);
          delete track.sha256['train/labels.npy'];
          record.track = track;
          official.digests.sealedSet = null;
        },
      ],
      [
        'there is a score, but no digest of its predictions',
        ({ official }) => set(official.digests, { predictions: null }),
      ],
      [
        'the entry ran in a container, but there is no digest of its image',
        ({ record, official }) => {
          record.sandbox.kind = 'docker';
          official.digests.image = null;
        },
      ],
    ],
    chain: [
      [
        'it is the first of its chain but names a previous record',
        ({ official }) => set(official.chain, { previousSha256: hash('4') }),
      ],
      [
        'it is number 2 of its chain but names no previous record',
        ({ official }) => set(official.chain, { number: 2 }),
      ],
    ],
  };
  const table = Object.entries(cases).flatMap(([name, ofCheck]) =>
    ofCheck.map(([says, change]) => ({ name, says, change })),
  );
  test.each(table)('$name: $says', async ({ name, says, change }) => {
    expect(await afterChange(broken(change))).toEqual({
      holds: false,
      name,
      says: typeof says === 'string' ? says : expect.stringMatching(says),
    });
  });
});

describe('a record that does not contradict itself is valid:', () => {
  const cases: [string, Change][] = [
    [
      'one whose training was stopped at its deadline',
      (record, official) => void cutTraining(record, official),
    ],
    [
      'one whose training left a process behind, killed just after its limit',
      (record, official) => {
        const train = record.stages[0]!;
        const kill = {
          signalledAtSeconds: 600.01,
          stoppedAtSeconds: 600.03,
          goneAtSeconds: 600.04,
          overshootMs: 0,
          processesKilled: 1,
        };
        Object.assign(train, { seconds: 600.03, kill });
        official.killReceipts[0]!.killedProcesses = 1;
      },
    ],
    [
      'one that was stopped late, which is the fault of the machine',
      (record, official) => {
        const train = cutTraining(record, official);
        Object.assign(train, { seconds: 630.5 });
        Object.assign(train.kill, stoppedLate);
        Object.assign(record, { verdict: 'INFRA_FAULT', owner: 'infrastructure', score: null });
        record.stages = record.stages.slice(0, 1);
        official.killReceipts = killReceiptsOf(record, official);
      },
    ],
    [
      'one that left a process that could not be killed, which is the fault of the machine',
      (record, official) => {
        Object.assign(record, { verdict: 'INFRA_FAULT', owner: 'infrastructure', score: null });
        record.stages = record.stages.slice(0, 1);
        record.stages[0]!.processesLeft = 1;
        official.killReceipts = killReceiptsOf(record, official);
      },
    ],
    [
      'one without a stage',
      (record, official) => {
        Object.assign(record, { verdict: 'REJECTED_ARCHIVE', score: null, entry: null, stages: [] });
        Object.assign(record, { modelSha256: null });
        Object.assign(official, { killReceipts: [] });
        Object.assign(official.digests, { entry: null, predictions: null, model: null });
      },
    ],
    [
      'one whose image is that of its sandbox',
      (record, { digests }) => {
        Object.assign(record.sandbox, { kind: 'docker', image: digests.image });
      },
    ],
    [
      'one whose processes share pages, which the control group counts once',
      ({ limits, stages }) => {
        limits.memoryBytes = 2 ** 30;
        const [train] = stages;
        train!.limitHits = { ...noLimitHits, peakMemoryBytes: 2 ** 30 };
        train!.peakMemoryBytes = 8 * 2 ** 30;
        for (const sample of train!.usage) Object.assign(sample, { memoryBytes: 8 * 2 ** 30, processes: 8 });
      },
    ],
    [
      'the same without a count, because no process exceeded the limit',
      ({ limits, stages }) => {
        limits.memoryBytes = 2 ** 30;
        for (const sample of stages.flatMap(({ usage }) => usage)) {
          Object.assign(sample, { memoryBytes: 8 * 2 ** 30, processes: 8 });
        }
      },
    ],
    [
      'one in the image, where the container isolates the entry',
      ({ sandbox, limits, machine }) => {
        sandbox.kind = 'user';
        limits.memoryBytes = 2 ** 30;
        machine.memoryBytes = 4 * 2 ** 30;
      },
    ],
    [
      'one that is not the first of its chain',
      (_, official) => {
        official.chain = { number: 7, previousSha256: hash('4') };
      },
    ],
    [
      'one of an open Track, from a folder',
      (record, { digests }) => {
        Object.assign(record, { track: onOpenTrack.record.track, archiveSha256: null });
        Object.assign(digests, { sealedSet: null, archive: null, image: null });
      },
    ],
  ];
  test.each(cases)('%s', async (_, change) => {
    expect(await afterChange(change)).toMatchObject({ holds: true });
  });

  test('any score that the evaluator computes', () => {
    const images = fc.array(
      fc.record({
        truth: fc.nat(3),
        scores: fc.tuple(
          ...(Array(5).fill(fc.float({ noNaN: true, noDefaultInfinity: true })) as [fc.Arbitrary<number>]),
        ),
      }),
      { minLength: 1, maxLength: 60 },
    );
    const classes = ['a', 'b', 'c', 'd', 'without images'];
    fc.assert(
      fc.property(images, (all) => {
        const scored = score(
          Float32Array.from(all.flatMap((image) => image.scores)),
          Uint8Array.from(all.map((image) => image.truth)),
          classes,
        );
        const track = { ...made.record.track!, classes, testSize: all.length };
        const written = JSON.parse(JSON.stringify({ score: scored, track }));
        expect(scoreFault(written)).toBeNull();
        expect(intervalFault(written)).toBeNull();
      }),
    );
  });
});
