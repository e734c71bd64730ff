import { describe, expect, test } from '@jest/globals';
import { decideVerdict, describeEnd, type RunFacts } from '../../../evaluator/run/decideVerdict.ts';
import type { VerdictCode } from '../../../evaluator/run/verdict.ts';

type Stage = NonNullable<RunFacts['train']>;
const stage = (change: Partial<Stage> = {}): Stage => ({
  ended: 'exited',
  exitCode: 0,
  signal: null,
  limitSeconds: 600,
  seconds: 590,
  excess: null,
  limitHits: null,
  ...change,
});
const secondRun: Exclude<RunFacts['again'], 'skipped' | null> = {
  ...{ stage: stage({ limitSeconds: 60, seconds: 3 }), predictions: 'valid', disagreement: null },
};
const good: RunFacts = {
  fault: null,
  rejected: null,
  aborted: false,
  tampered: null,
  train: stage(),
  modelSaved: true,
  left: { files: 2, bytes: 300 },
  predict: stage({ limitSeconds: 60, seconds: 3 }),
  predictions: 'valid',
  again: secondRun,
};
const verdictOf = (change: Partial<RunFacts>) => decideVerdict({ ...good, ...change }).verdict;

const endings: Record<string, Stage> = {
  'exit status 0': stage(),
  'exit status 1': stage({ exitCode: 1 }),
  'a signal': stage({ exitCode: null, signal: 'SIGSEGV' }),
  'the deadline': stage({ ended: 'deadline', exitCode: null, signal: 'SIGKILL' }),
  'an interrupt': stage({ ended: 'interrupted', exitCode: null, signal: 'SIGKILL' }),
  'lack of memory': stage({ ended: 'out-of-memory', exitCode: null, signal: 'SIGKILL' }),
  'a full disk': stage({ ended: 'disk-full', exitCode: 1, excess: 'full' }),
  'a missing program': stage({ ended: 'failed-to-start', exitCode: null }),
};
const names = Object.keys(endings);

describe('a train stage', () => {
  const withoutModel: Record<string, VerdictCode> = {
    'exit status 0': 'NO_OUTPUT',
    'exit status 1': 'CRASHED',
    'a signal': 'CRASHED',
    'the deadline': 'NO_OUTPUT',
    'an interrupt': 'ABORTED',
    'lack of memory': 'OUT_OF_MEMORY',
    'a full disk': 'DISK_FULL',
    'a missing program': 'CRASHED',
  };
  test.each(names)('that ended by %s, without output', (name) => {
    expect(verdictOf({ train: endings[name]!, modelSaved: false, predict: null, predictions: 'none' })).toBe(
      withoutModel[name],
    );
  });

  test.each(names)('that ended by %s, with predictions of its model', (name) => {
    expect(verdictOf({ train: endings[name]! })).toBe(
      name === 'exit status 0' ? 'SCORED' : 'SCORED_SALVAGED',
    );
  });

  const cutAndUnusable: Record<string, VerdictCode> = {
    'exit status 0': 'CRASHED',
    'exit status 1': 'CRASHED',
    'a signal': 'CRASHED',
    'the deadline': 'CRASHED',
    'an interrupt': 'ABORTED',
    'lack of memory': 'OUT_OF_MEMORY',
    'a full disk': 'DISK_FULL',
    'a missing program': 'CRASHED',
  };
  test.each(names)('that ended by %s, with a model that predict fails on: the first cause wins', (name) => {
    const predict = stage({ exitCode: 1 });
    expect(verdictOf({ train: endings[name]!, predict, predictions: 'none' })).toBe(cutAndUnusable[name]);
  });
});

describe('a predict stage', () => {
  const expected: Record<string, VerdictCode> = {
    'exit status 1': 'CRASHED',
    'a signal': 'CRASHED',
    'the deadline': 'PREDICT_TIMEOUT',
    'an interrupt': 'ABORTED',
    'lack of memory': 'OUT_OF_MEMORY',
    'a full disk': 'DISK_FULL',
    'a missing program': 'CRASHED',
  };
  test.each(Object.keys(expected))('that ended by %s is not scored, whatever it left', (name) => {
    expect(verdictOf({ predict: endings[name]!, predictions: 'none' })).toBe(expected[name]);
    expect(verdictOf({ predict: endings[name]!, predictions: 'valid' })).toBe(expected[name]);
  });

  test('that succeeded is judged by its predictions', () => {
    expect(verdictOf({ predictions: 'none' })).toBe('NO_OUTPUT');
    expect(verdictOf({ predictions: { invalid: 'why' } })).toBe('INVALID_OUTPUT');
    expect(verdictOf({ predictions: { invalid: 'cut off' }, predict: stage({ excess: 'full' }) })).toBe(
      'DISK_FULL',
    );
  });
});

describe('a second predict run', () => {
  const again = (change: Partial<typeof secondRun>) => verdictOf({ again: { ...secondRun, ...change } });

  test.each(Object.keys(endings).filter((name) => name !== 'exit status 0'))(
    'that ended by %s counts like the first, whatever it left',
    (name) => {
      const first = verdictOf({ predict: endings[name]!, predictions: 'none' });
      expect(again({ stage: endings[name]!, predictions: 'none' })).toBe(first);
      expect(again({ stage: endings[name]!, predictions: 'valid' })).toBe(first);
    },
  );

  test('that succeeded is judged by its predictions, and by those of the first run', () => {
    expect(again({ predictions: 'none' })).toBe('NO_OUTPUT');
    expect(again({ predictions: { invalid: 'why' } })).toBe('INVALID_OUTPUT');
    expect(again({ disagreement: '20 of 1000 rows differ' })).toBe('RULE_VIOLATION');
  });

  test('that disagrees takes precedence over a stopped training', () => {
    const differs = { ...secondRun, disagreement: '20 of 1000 rows differ' };
    expect(verdictOf({ train: endings['the deadline']!, again: differs })).toBe('RULE_VIOLATION');
  });

  test('that the plan skips is not missed', () => {
    expect(verdictOf({ again: 'skipped' })).toBe('SCORED');
    expect(verdictOf({ again: 'skipped', predictions: 'none' })).toBe('NO_OUTPUT');
  });

  test('that never started is not scored', () => {
    expect(verdictOf({ again: null })).toBe('ABORTED');
  });

  test('is named in the evidence', () => {
    const { evidence } = decideVerdict({ ...good, again: { ...secondRun, predictions: 'none' } });
    expect(evidence.slice(-2)).toEqual([
      'predict, second run: ended after 3.0 s with exit status 0',
      'predict, second run: wrote no predictions.npy',
    ]);
  });
});

describe('a limit that a stage reached and survived', () => {
  const refused = { outOfMemoryKills: 0, memoryUsedUp: false, processesRefused: 3, peakMemoryBytes: 1 };
  const killed = { outOfMemoryKills: 1, memoryUsedUp: true, processesRefused: 0, peakMemoryBytes: 1 };

  test.each([
    ['a refused thread', refused, 'TOO_MANY_PROCESSES'],
    ['a killed worker', killed, 'OUT_OF_MEMORY'],
  ] as const)('%s does not explain the fault of a later stage', (_, limitHits, cause) => {
    const train = stage({ limitHits });
    const failed = stage({ exitCode: 1 });
    expect(verdictOf({ train, predictions: { invalid: 'float64' } })).toBe('INVALID_OUTPUT');
    expect(verdictOf({ train, predict: failed, predictions: 'none' })).toBe('CRASHED');
    expect(verdictOf({ train, predictions: 'none' })).toBe('NO_OUTPUT');
    expect(verdictOf({ train })).toBe('SCORED');
    // Its own fault it does explain.
    expect(verdictOf({ train: { ...train, exitCode: 1 }, predict: failed, predictions: 'none' })).toBe(cause);
    expect(verdictOf({ train, modelSaved: false, predict: null, predictions: 'none' })).toBe(cause);
    expect(verdictOf({ predict: { ...failed, limitHits }, predictions: 'none' })).toBe(cause);
  });

  test('does not explain a wrong file that its own stage wrote to the end', () => {
    const predict = stage({ limitHits: refused });
    expect(verdictOf({ predict, predictions: { invalid: 'float64' } })).toBe('INVALID_OUTPUT');
    expect(verdictOf({ again: { ...secondRun, stage: predict, predictions: { invalid: 'NaN' } } })).toBe(
      'INVALID_OUTPUT',
    );
  });
});

describe('before the stages', () => {
  test('an evaluator fault takes precedence', () => {
    for (const train of Object.values(endings)) {
      expect(verdictOf({ fault: 'disk error', train, rejected: 'bad', aborted: true })).toBe('INFRA_FAULT');
    }
  });

  test('a rejected entry is rejected, an aborted run aborted', () => {
    expect(verdictOf({ rejected: 'bad haet.json', train: null, predict: null })).toBe('REJECTED_ARCHIVE');
    expect(verdictOf({ aborted: true })).toBe('ABORTED');
    expect(verdictOf({ tampered: 'labels.npy was changed', fault: 'disk error' })).toBe('RULE_VIOLATION');
    expect(verdictOf({ train: null, predict: null, modelSaved: false })).toBe('ABORTED');
  });
});

test.each([
  [true, ['predict: wrote predictions.npy, which was not read because the stage failed']],
  [false, ['predict: wrote no predictions.npy']],
  [null, []],
] as const)('of a failed predict, the evidence says only what was looked for: %s', (unread, sentences) => {
  const predict = stage({ exitCode: 1, seconds: 3 });
  const { verdict, evidence } = decideVerdict({ ...good, predict, predictions: { unread }, again: null });
  expect(verdict).toBe('CRASHED');
  expect(evidence.slice(3)).toEqual(sentences);
});

test('the evidence states each observation in one sentence', () => {
  const { evidence } = decideVerdict({
    ...good,
    train: endings['the deadline']!,
    predictions: { invalid: 'predictions.npy: row 0, column 0 is NaN; all must be finite' },
    again: null,
  });
  expect(evidence).toEqual([
    'train: was killed at its deadline of 600 s',
    'train: left 2 files of 300 bytes in its output folder',
    'predict: ended after 3.0 s with exit status 0',
    'predictions.npy: row 0, column 0 is NaN; all must be finite',
  ]);
});

test.each([
  ['a signal', { exitCode: null, signal: 'SIGSEGV' as const }, '139 (SIGSEGV)'],
  ['the status that a shell gives it', { exitCode: 139, signal: null }, '139 (SIGSEGV)'],
  ['a status of its own', { exitCode: 3, signal: null }, '3'],
])('the end by %s is described alike, whatever a sandbox sees of it', (_, end, status) => {
  const stage = { ended: 'exited' as const, limitSeconds: 9, seconds: 1, ...end };
  expect(describeEnd(stage)).toBe(`ended after 1.0 s with exit status ${status}`);
});
