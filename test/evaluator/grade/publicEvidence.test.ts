import { describe, expect, test } from '@jest/globals';
import { leaderboardCsv } from '../../../evaluator/grade/leaderboardCsv.ts';
import { leaderboardMarkdown } from '../../../evaluator/grade/leaderboardMarkdown.ts';
import { publicEvidence } from '../../../evaluator/grade/publicEvidence.ts';
import { standingOf } from '../../../evaluator/grade/standing.ts';
import type { StageRecord } from '../../../evaluator/run/record.ts';
import { type VerdictCode, verdicts } from '../../../evaluator/run/verdict.ts';
import { hash, madeUpRecord } from './madeUpRecord.ts';

// The time in a run's id reveals how long the predict stage of the previous run took.
const chosen = ['QUJDREVGR0g', '77', 'SIGUSR1', '13.7', 'row 123', '10-41-23'];
const predict: Partial<StageRecord> = {
  exitCode: 77,
  signal: 'SIGUSR1',
  seconds: 13.7,
  stdoutBytes: 7777,
  peakMemoryBytes: 7_777_777,
};
const evidence = [
  'predict: ended after 13.7 s by signal SIGUSR1, exit status 77',
  'predictions.npy: is not the expected array: its dtype is "QUJDREVGR0g"; row 123, column 7',
];
const afterPredict: VerdictCode[] = [
  'CRASHED',
  'INVALID_OUTPUT',
  'NO_OUTPUT',
  'PREDICT_TIMEOUT',
  'OUT_OF_MEMORY',
  'DISK_FULL',
  'TOO_MANY_PROCESSES',
  'RULE_VIOLATION',
  'INFRA_FAULT',
  'ABORTED',
];

describe('for a run that reached predict, the leaderboard', () => {
  test.each(afterPredict)('shows %s and its fixed sentence, and nothing that predict chose', (verdict) => {
    const runId = '2026-11-21T10-41-23-net-s1-9f86d081884c7d65';
    const folder = `/graded/runs/job-s1/${runId}`;
    const record = { ...madeUpRecord({ verdict, evidence, predict }), runId, folder };
    expect(publicEvidence(record)).toEqual([verdicts[verdict].meaning]);
    const entry = { archive: 'a.tar', sha256: hash('1'), records: [record] };
    const standing = standingOf(
      {
        track: { info: record.track!, sha256: hash('9') },
        seeds: [1],
        trainSeconds: 600,
        predictSeconds: 60,
        sandbox: 'docker',
        leftOut: [],
      },
      [entry],
      '/nowhere',
    );
    const published = [JSON.stringify(standing), leaderboardCsv(standing), leaderboardMarkdown(standing)];
    for (const text of published) for (const word of chosen) expect(text).not.toContain(word);
  });

  test('shows how training was stopped if the rest was scored, and not how predict ended', () => {
    const record = madeUpRecord({
      verdict: 'SCORED_SALVAGED',
      evidence,
      predict,
      ended: { ended: 'deadline' },
    });
    expect(publicEvidence(record)).toEqual(['train: was killed at its deadline of 600 s']);
  });
});

describe('for a run that did not reach predict, the leaderboard', () => {
  test('shows how train ended', () => {
    const ended = { exitCode: 3, seconds: 2 };
    expect(publicEvidence(madeUpRecord({ verdict: 'CRASHED', ended }))).toEqual([
      'train: ended after 2.0 s with exit status 3',
    ]);
  });

  test('shows that train left no output', () => {
    const record = { ...madeUpRecord({ verdict: 'NO_OUTPUT' }), modelSha256: null };
    expect(publicEvidence(record)).toEqual([
      'train: left no file in its output folder',
      verdicts.NO_OUTPUT.meaning,
    ]);
  });

  test('shows why the archive was rejected', () => {
    const refusal = ['a.tar: member "x" is a Link; only regular files and folders are taken'];
    expect(publicEvidence(madeUpRecord({ verdict: 'REJECTED_ARCHIVE', evidence: refusal }))).toEqual(refusal);
  });
});
