import { archiveLimitsSchema } from '../../../evaluator/intake/limits.ts';
import type { RunRecord, StageRecord } from '../../../evaluator/run/record.ts';
import { type VerdictCode, verdicts } from '../../../evaluator/run/verdict.ts';
import { nothingHeld } from '../../../evaluator/sandbox/holds.ts';
import { wilsonInterval } from '../../../evaluator/score/statistics.ts';
import { machine } from '../fixtures.ts';

export const hash = (digit: string): string => digit.repeat(64);
const testSize = 1000;

export interface Made {
  readonly name?: string;
  readonly team?: string;
  readonly archiveSha256?: string;
  readonly seed?: number;
  /** Correct answers of 1000; only for a verdict with a score. */
  readonly correct?: number;
  readonly verdict?: VerdictCode;
  readonly evidence?: string[];
  readonly trainSeconds?: number;
  /** Of the train stage. */
  readonly ended?: Partial<StageRecord>;
  /** How predict ended, if it ran. */
  readonly predict?: Partial<StageRecord>;
  readonly attempt?: number;
  readonly contention?: StageRecord['contention'];
  readonly machine?: Partial<RunRecord['machine']>;
  readonly gpus?: RunRecord['gpus'];
}

/** Returns the record of a possible run on a Track of two classes. */
export function madeUpRecord(made: Made = {}): RunRecord {
  const { verdict = 'SCORED', seed = 1, correct = 850, trainSeconds = 100 } = made;
  const scored = verdict === 'SCORED' || verdict === 'SCORED_SALVAGED';
  return {
    schemaVersion: 3,
    runId: 'made-up',
    startedAt: '2026-11-21T10:41:23.000Z',
    folder: `/graded/runs/job-s${seed}/made-up`,
    verdict,
    owner: verdicts[verdict].owner,
    evidence: made.evidence ?? ['train: ended'],
    advice: verdicts[verdict].advice,
    score: scored ? scoreOf(correct) : null,
    entry:
      verdict === 'REJECTED_ARCHIVE'
        ? null
        : {
            name: made.name ?? 'Net',
            team: made.team ?? 'us',
            path: '/archives/a.tar.gz',
            sha256: hash('e'),
          },
    archiveSha256: made.archiveSha256 ?? hash('a'),
    modelSha256: hash('d'),
    intake: archiveLimitsSchema.parse({}),
    track: {
      schemaVersion: 1,
      name: 'two classes',
      classes: ['left', 'right'],
      imageShape: [32, 32, 3],
      trainSize: 20,
      testSize,
      seed: 1,
      source: { kind: 'synthetic', description: 'none', sha256: hash('0') },
      sha256: {},
    },
    seed,
    attempt: made.attempt ?? 1,
    sandbox: { kind: 'process', contains: 'time', holds: nothingHeld, image: null },
    limits: { trainSeconds: 600, predictSeconds: 60, cpus: 2, memoryBytes: 2 ** 33, processes: 1024 },
    gpus: made.gpus ?? [],
    stages: [
      {
        ...stageThatExited,
        seconds: trainSeconds,
        contention: made.contention ?? null,
        ...made.ended,
      },
      ...(made.predict || scored ? [{ ...predictThatExited, ...made.predict }] : []),
      ...(scored ? [{ ...predictThatExited, stage: 'predict-again' as const }] : []),
    ],
    progress: { lines: 0, rejected: 0, last: null },
    machine: { ...machine, ...made.machine },
    evaluator: { version: '0.1.0', commit: null },
  };
}

const stageThatExited: StageRecord = {
  stage: 'train',
  argv: ['train'],
  startedAt: '2026-11-21T10:41:23.100Z',
  limitSeconds: 600,
  seconds: 100,
  ended: 'exited',
  exitCode: 0,
  signal: null,
  kill: null,
  processesLeft: 0,
  limitHits: null,
  cpuSeconds: 1,
  peakMemoryBytes: 1,
  usage: [],
  contention: null,
  stdoutBytes: 0,
  stderrBytes: 0,
};

const predictThatExited: StageRecord = {
  ...stageThatExited,
  stage: 'predict',
  argv: ['predict'],
  limitSeconds: 60,
  seconds: 5,
};

function scoreOf(correct: number): RunRecord['score'] {
  const wrong = testSize - correct;
  return {
    correct,
    total: testSize,
    accuracy: correct / testSize,
    wilson95: wilsonInterval(correct, testSize),
    details: {
      perClass: [
        { name: 'left', correct, total: testSize, accuracy: correct / testSize },
        { name: 'right', correct: 0, total: 0, accuracy: 0 },
      ],
      confusion: [
        [correct, wrong],
        [0, 0],
      ],
      logLoss: 0.5,
      calibration: {
        expectedError: 0,
        bins: [{ confidence: correct / testSize, accuracy: correct / testSize, count: testSize }],
      },
    },
  };
}
