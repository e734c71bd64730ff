import { writeFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import type { TrackInfo } from '../../../datasets/track.ts';
import type { AttemptOrder } from '../../../evaluator/grade/executor.ts';
import { issueAttempt } from '../../../evaluator/grade/issued.ts';
import type { RunRecord } from '../../../evaluator/run/record.ts';
import type { RunPlan } from '../../../evaluator/run/runPlan.ts';
import type { RunTrack } from '../../../evaluator/run/runTrack.ts';
import { writeUnscored } from '../../../evaluator/run/unscored.ts';
import type { VerdictCode } from '../../../evaluator/run/verdict.ts';
import { parseSpec } from '../../../evaluator/study/readSpec.ts';
import { runStudy, type StudyPlan, type StudyResult } from '../../../evaluator/study/runStudy.ts';
import {
  formatRunsCsv,
  formatStudy,
  formatStudyCsv,
  formatTable,
} from '../../../evaluator/study/studyText.ts';
import { doubtsOf, tableOf } from '../../../evaluator/study/table.ts';
import { temporaryFolder } from '../../datasets/temporaryFolder.ts';
import { constantPredictions, machine, makeTinyTrack } from '../fixtures.ts';
import { hash, type Made, madeUpRecord } from '../grade/madeUpRecord.ts';

const folder = temporaryFolder();
let entryPath: string;
beforeEach(async () => {
  entryPath = join(folder.path, 'entry');
  await mkdir(entryPath);
  await writeFile(join(entryPath, 'haet.json'), '{}');
});

/** What the runs of a study give, by words, sample and seed; made in this order. */
type Give = (words: string, sample: number, seed: number) => Made;

interface Called {
  /** The runs that were made, as words/sample/seed. */
  readonly made: string[];
  readonly orders: readonly RunPlan[];
  /** The runs that ended, as arm/sample/seed. */
  readonly ended: string[];
  readonly earlier: number;
  readonly stopped: string[];
  readonly warned: string[];
  readonly result: StudyResult;
}

const base = {
  schemaVersion: 1,
  name: 'Made up',
  data: { source: 'cifar10' },
  samples: [11, 12],
  seeds: [1, 2],
  budget: { words: '--epochs 2' },
  baseline: 'base',
  arms: { base: '', good: '-g', bad: '-b' },
};
const accuracies: Record<string, number> = { '': 800, '-g': 850, '-b': 700 };
const usual: Give = (words, sample, seed) => ({ correct: accuracies[words]! + sample + seed });

function trackOf(sample: number): RunTrack {
  const info = { ...madeUpRecord().track, sha256: { 'a.npy': hash(String(sample % 10)) } } as TrackInfo;
  return {
    dir: '',
    info: { ...info, seed: sample },
    withheld: {} as RunTrack['withheld'],
    close: async () => {},
  };
}

/** Runs a study whose runs are only records. @param stopAfter number of runs after which a person stops it */
async function call(
  changes: object = {},
  {
    give = usual,
    stopAfter = Number.POSITIVE_INFINITY,
    cpus = 2,
    jobs = 1,
    wait = async () => {},
    elsewhere,
    samples = null,
  }: {
    give?: Give;
    stopAfter?: number;
    cpus?: number;
    jobs?: number;
    /** Makes the runs in place of this process. */
    elsewhere?: (order: AttemptOrder) => Promise<RunRecord | null>;
    samples?: Map<number, RunTrack> | null;
    /** Called before a run ends. */
    wait?: (order: AttemptOrder, abort: AbortSignal) => Promise<void>;
  } = {},
): Promise<Called> {
  const spec = parseSpec(stringify({ ...base, ...changes }), 'study.yaml');
  const stop = new AbortController();
  const called = {
    ...{ made: [] as string[], orders: [] as RunPlan[], ended: [] as string[], earlier: 0 },
    ...{ stopped: [] as string[], warned: [] as string[], writes: [] as number[] },
  };
  const plan: StudyPlan = {
    ...{ spec, entryPath, outFolder: join(folder.path, 'out'), machine, cpus },
    samples: samples ?? new Map(spec.samples.map((sample) => [sample, trackOf(sample)])),
    keepModels: false,
  };
  const executor = {
    jobs,
    takesUp: elsewhere !== undefined,
    sandbox: { kind: 'process' as const },
    async run(order: AttemptOrder, abort: AbortSignal) {
      if (elsewhere !== undefined) return elsewhere(order);
      const { entryArguments, track, runsFolder, seed, attempt } = order.plan;
      const sample = (track.info as TrackInfo).seed as number;
      const words = entryArguments!.slice(spec.budget.words.length).join(' ');
      called.made.push(`${words}/${sample}/${seed}`);
      called.orders.push(order.plan);
      await wait(order, abort);
      const record = {
        ...madeUpRecord({ ...give(words, sample, seed), seed, attempt: attempt! }),
        folder: join(runsFolder, `run-${attempt}`),
      };
      await mkdir(record.folder, { recursive: true });
      await writeFile(join(record.folder, 'record.json'), JSON.stringify(record));
      if (called.made.length >= stopAfter) stop.abort();
      return record;
    },
  };
  const result = await runStudy(plan, executor, {
    abort: stop.signal,
    warn: (sentence) => called.warned.push(sentence),
    starts: () => {},
    ended: ({ arm, cell: { sample, seed } }, earlier) => {
      called.ended.push(`${arm}/${sample}/${seed}`);
      if (earlier) called.earlier++;
    },
    progress: async ({ outcomes }) => {
      expect(called.writes.at(-1)).not.toBe(0); // the write before has ended
      called.writes.push(0);
      await sleep(1);
      called.writes[called.writes.length - 1] = outcomes.length;
    },
    stopsArms: (names) => called.stopped.push(...names),
  });
  return { ...called, result };
}

const percents = ({ result }: Called) =>
  tableOf(result).map(({ arm, accuracy, difference }) => [
    arm,
    accuracy && Math.round(1000 * accuracy.mean),
    difference && Math.round(1000 * difference.mean),
  ]);

test('a grid runs every arm on every sample with every seed, with the words of budget and arm', async () => {
  const called = await call();
  expect(called.made).toHaveLength(12);
  expect(new Set(called.made).size).toBe(12);
  expect(called.result.isComplete).toBe(true);
  expect(percents(called)).toEqual([
    ['base', 813, null],
    ['good', 863, 50],
    ['bad', 713, -100],
  ]);
});

test('only the first run of every arm predicts twice', async () => {
  const { made, orders } = await call();
  const twice = made.filter((_, at) => orders[at]!.predictOnce === false);
  expect(twice.sort()).toEqual(['-b/11/1', '-g/11/1', '/11/1']);
});

describe('with two runs at once', () => {
  /** Lets runs of the good arm take longer than the others. */
  const wait = async ({ plan }: AttemptOrder): Promise<void> => {
    if (plan.entryArguments!.includes('-g')) await sleep(50);
  };

  test('gives the same table and files as one after the other, whichever run ends first', async () => {
    const one = await call();
    await writeFile(join(entryPath, 'version'), '2'); // as if in a new folder
    const two = await call({}, { jobs: 2, wait });
    expect(two.ended).not.toEqual(one.ended);
    expect(new Set(two.ended)).toEqual(new Set(one.ended));
    expect(tableOf(two.result)).toEqual(tableOf(one.result));
    const withoutFolders = ({ result }: Called) => formatRunsCsv(result).replaceAll(/,[^,]*\r\n/g, '\n');
    expect(withoutFolders(two)).toBe(withoutFolders(one));
  });

  test('a halving decides the same', async () => {
    const search = { kind: 'halving', firstRuns: 1, factor: 2 };
    const one = await call({ search });
    await writeFile(join(entryPath, 'version'), '2');
    const two = await call({ search }, { jobs: 2, wait });
    expect(two.stopped).toEqual(one.stopped);
    expect(tableOf(two.result)).toEqual(tableOf(one.result));
  });

  test('every run opens the held-out images for itself', async () => {
    const { orders } = await call({}, { jobs: 2 });
    for (const { track } of orders) expect(track.withheld).toBeUndefined();
  });

  test('an entry that changes ends the other run too', async () => {
    let wasEnded = false;
    const meanwhile = async ({ plan }: AttemptOrder, abort: AbortSignal): Promise<void> => {
      if (plan.entryArguments!.includes('-g')) return writeFile(join(entryPath, 'train.py'), 'new');
      await new Promise((done) => abort.addEventListener('abort', done));
      wasEnded = true;
    };
    await expect(call({}, { jobs: 2, wait: meanwhile })).rejects.toThrow(
      /entry: was changed during the study/,
    );
    expect(wasEnded).toBe(true);
  });
});

describe('with an executor that takes runs up', () => {
  /** Runs a study whose first call leaves every run on a cluster. */
  const issue = async () => {
    const left: string[] = [];
    const first = await call(
      {},
      {
        jobs: 100,
        elsewhere: async ({ plan: { runsFolder, seed, attempt, track } }) => {
          const { limits, sandbox } = madeUpRecord();
          const start = { attempt: attempt!, archiveSha256: hash('a'), track: track.info, seed, limits };
          left.push(await issueAttempt(runsFolder, { ...start, sandbox: { kind: sandbox.kind } }));
          return null;
        },
      },
    );
    expect([first.ended, first.result.isComplete]).toEqual([[], false]);
    return left;
  };

  test('open runs are waited for under their number, and not run here', async () => {
    const left = await issue();
    await expect(call()).rejects.toThrow(/attempt-1: is a run that was given to Slurm and has not ended/);
    const opened: (string | null)[] = [];
    await call(
      {},
      {
        jobs: 100,
        elsewhere: async ({ open, plan }) => {
          expect(plan.attempt).toBe(1);
          opened.push(open);
          return null;
        },
      },
    );
    expect(opened.sort()).toEqual(left.sort());
  });

  test('a run without a score is scored, at once or by the next call', async () => {
    const { dir, info } = await makeTinyTrack(folder.path);
    const samples = new Map([11, 12].map((sample) => [sample, { dir, info } as RunTrack]));
    /** Leaves what a node left: predictions and a record without a score. */
    const unscored = async ({ plan: { runsFolder, seed, attempt } }: AttemptOrder): Promise<RunRecord> => {
      const made = join(runsFolder, `attempt-${attempt}`);
      await mkdir(join(made, 'predictions'), { recursive: true });
      await writeFile(join(made, 'predictions/predictions.npy'), constantPredictions(info.testSize));
      const record = { ...madeUpRecord({ seed }), track: info, folder: made, score: null };
      await writeUnscored(record, null);
      return record;
    };
    const lost = await call(
      {},
      {
        samples,
        elsewhere: async (order) => {
          await unscored(order);
          return null; // as if this process was killed before it scored the run
        },
      },
    );
    expect(lost.ended).toEqual([]);
    const next = await call({ seeds: [1, 2, 3] }, { samples, jobs: 100, elsewhere: unscored });
    expect([next.earlier, next.result.isComplete]).toEqual([12, true]);
    expect(next.result.outcomes.map(({ accuracy }) => accuracy)).toEqual(Array(18).fill(0.1));
  });
});

describe('a study that is called again', () => {
  test('makes no run twice and gives the same table', async () => {
    const first = await call();
    const second = await call();
    expect([second.made, second.earlier]).toEqual([[], 12]);
    expect(tableOf(second.result)).toEqual(tableOf(first.result));
  });

  test('continues after a stop with the run that is missing', async () => {
    const whole = await call();
    await writeFile(join(entryPath, 'version'), '2'); // as if in a new folder
    const first = await call({}, { stopAfter: 5 });
    expect([first.made.length, first.result.isComplete]).toEqual([5, false]);
    const second = await call();
    expect([...first.made, ...second.made]).toEqual(whole.made);
    expect(second.result.isComplete).toBe(true);
  });

  test('repeats a run whose record is damaged in a folder of its own', async () => {
    await call({}, { stopAfter: 1 });
    const [job] = await readdir(join(folder.path, 'out/runs'));
    await writeFile(join(folder.path, 'out/runs', job!, 'run-1/record.json'), '');
    const torn = await call({}, { stopAfter: 1 });
    expect(torn.made).toEqual(['/11/1']);
    expect(torn.warned[0]).toMatch(/run-1: its run was killed or its record is damaged/);
    expect((await readdir(join(folder.path, 'out/runs', job!))).sort()).toEqual(['run-1', 'run-2']);
  });

  test.each<[string, object, number]>([
    ['another name of an arm', { arms: { base: '', better: '-g', bad: '-b' } }, 0],
    ['an arm less', { arms: { base: '', good: '-g' } }, 0],
    ['another baseline', { baseline: 'good' }, 0],
    ['a longer limit for predicting', { predictSeconds: 1000 }, 12],
    ['one more arm', { arms: { ...base.arms, new: '-g -b' } }, 4],
    ['one more seed', { seeds: [1, 2, 3] }, 6],
    ['another sample', { samples: [11, 13] }, 6],
    ['another budget', { budget: { words: '--epochs 3' } }, 12],
  ])('with %s makes only the runs that do not apply', async (_, changes, runs) => {
    await call();
    const give: Give = (words, sample, seed) => ({ correct: (accuracies[words] ?? 500) + sample + seed });
    expect((await call(changes, { give })).made).toHaveLength(runs);
  });

  test('with other CPUs or another entry makes all runs', async () => {
    await call();
    expect((await call({}, { cpus: 1 })).made).toHaveLength(12);
    await writeFile(join(entryPath, 'more'), '');
    expect((await call()).made).toHaveLength(12);
  });

  test('ignores what running Python adds to the entry', async () => {
    await call();
    await mkdir(join(entryPath, '__pycache__'));
    await writeFile(join(entryPath, '__pycache__/model.pyc'), '');
    expect((await call()).made).toEqual([]);
  });
});

test('an entry that changes during the study ends it, and its run does not count', async () => {
  const give: Give = () => ({ correct: 800 });
  let runs = 0;
  const changing: Give = (...run) => {
    if (++runs === 2) {
      // Synchronously, as if an editor saved while the run is made.
      writeFileSync(join(entryPath, 'train.py'), 'new');
    }
    return give(...run);
  };
  await expect(call({}, { give: changing })).rejects.toThrow(
    /entry: was changed during the study, so its run run-1 does not count\. Run the command again/,
  );
  const folders = await readdir(join(folder.path, 'out/runs'), { recursive: true });
  expect(folders.filter((path) => path.endsWith('record.json'))).toHaveLength(1);
});

describe('a run without an accuracy', () => {
  /** Fails the first runs of one arm on one cell. */
  const failing = (verdict: VerdictCode, times = 1): Give => {
    let left = times;
    return (words, sample, seed) => {
      const isTheRun = words === '-g' && sample === 11 && seed === 1;
      return isTheRun && left-- > 0 ? { verdict } : usual(words, sample, seed);
    };
  };

  test('is a fault of the arm if the entry crashed: shown, left out of the mean, never 0', async () => {
    const called = await call({}, { give: failing('CRASHED') });
    const [, good] = tableOf(called.result);
    expect(good).toMatchObject({ faults: { CRASHED: 1 }, accuracy: { n: 3 }, difference: { n: 3 } });
    expect(good!.accuracy!.mean).toBeCloseTo((0.863 + 0.864 + 0.864) / 3, 3);
    expect(good!.difference!.mean).toBeCloseTo(0.05, 9);
    expect(called.result.isComplete).toBe(true);
    expect(formatTable(tableOf(called.result))[2]).toMatch(/^good +3 +86\.\d\d .*1 CRASHED +done/);
    expect(formatRunsCsv(called.result)).toMatch(/good,11,1,CRASHED,,,/);
    expect(doubtsOf(called.result, tableOf(called.result)).join()).toContain('not counted as 0');
    // It had its run.
    expect((await call()).made).toEqual([]);
  });

  test('is tried again once if the machine failed it', async () => {
    const called = await call({}, { give: failing('INFRA_FAULT') });
    expect(called.made.filter((run) => run === '-g/11/1')).toHaveLength(2);
    expect(called.warned).toEqual(['INFRA_FAULT: train: ended. The run is tried again.']);
    expect(tableOf(called.result)[1]).toMatchObject({ faults: {}, accuracy: { n: 4 } });
  });

  test('leaves the study open if the machine failed it twice', async () => {
    const called = await call({}, { give: failing('INFRA_FAULT', 2) });
    expect(called.result.isComplete).toBe(false);
    expect(tableOf(called.result)[1]).toMatchObject({ faults: { INFRA_FAULT: 1 }, accuracy: { n: 3 } });
    expect((await call()).made).toEqual(['-g/11/1']);
  });

  test('is one that was stopped early, unless time is the budget', async () => {
    const stopped = failing('SCORED_SALVAGED', 1);
    const words = await call({}, { give: stopped });
    expect(tableOf(words.result)[1]).toMatchObject({ faults: { SCORED_SALVAGED: 1 }, accuracy: { n: 3 } });
    const seconds = await call({ budget: { seconds: 60 } }, { give: failing('SCORED_SALVAGED') });
    expect(tableOf(seconds.result)[1]).toMatchObject({ faults: { SCORED_SALVAGED: 1 }, accuracy: { n: 4 } });
  });
});

describe('halving', () => {
  const search = { kind: 'halving', firstRuns: 1, factor: 2 };
  const arms = { base: '', a: '-a', b: '-b', c: '-c', d: '-d' };
  const quality: Record<string, number> = { '': 800, '-a': 810, '-b': 700, '-c': 790, '-d': 720 };
  const give: Give = (words, sample, seed) => ({ correct: quality[words]! + sample + seed });
  const changes = { search, arms };

  test('stops the worse half after each round; the baseline and the best run everything', async () => {
    const called = await call(changes, { give });
    const runs = (words: string) => called.made.filter((run) => run.split('/')[0] === words).length;
    expect(['', '-a', '-b', '-c', '-d'].map(runs)).toEqual([4, 4, 1, 2, 1]);
    expect(called.stopped).toEqual(['b', 'd', 'c']);
    expect(tableOf(called.result).map(({ stoppedAfter }) => stoppedAfter)).toEqual([null, null, 1, 2, 1]);
    expect(formatTable(tableOf(called.result)).map((line) => line.split(/ {2,}/).at(-1))).toEqual([
      ...['state', 'baseline', 'done', 'stopped after 1', 'stopped after 2', 'stopped after 1'],
    ]);
  });

  test('decides the same after a stop at any run', async () => {
    const whole = await call(changes, { give });
    for (const stopAfter of [1, 4, 5, 7, 9, 11]) {
      await writeFile(join(entryPath, 'version'), String(stopAfter)); // as if in a new folder
      const first = await call(changes, { give, stopAfter });
      const second = await call(changes, { give });
      expect(first.made.length + second.made.length).toBe(whole.made.length);
      expect(tableOf(second.result)).toEqual(tableOf(whole.result));
    }
  });

  test('waits with a decision for a run that the machine failed', async () => {
    const faulty: Give = (words, ...at) => (words === '-a' ? { verdict: 'INFRA_FAULT' } : give(words, ...at));
    const called = await call(changes, { give: faulty });
    expect([called.stopped, called.result.isComplete]).toEqual([[], false]);
    expect(called.made).toHaveLength(6);
  });

  test('stops an arm that crashed', async () => {
    const crashing: Give = (words, ...at) => (words === '-a' ? { verdict: 'CRASHED' } : give(words, ...at));
    const called = await call(changes, { give: crashing });
    expect(called.stopped).toEqual(['a', 'b', 'd']);
    expect(tableOf(called.result)[1]).toMatchObject({
      accuracy: null,
      difference: null,
      faults: { CRASHED: 1 },
    });
  });
});

test('the texts hold the table, with names and words that are no markup or formula', async () => {
  const called = await call(
    { name: 'A|B <i>', arms: { base: '', good: ['-g', 'a b|c'] } },
    {
      give: (words, sample, seed) => ({
        correct: (words === '' ? 800 : 810) + sample * (words === '' ? 1 : 2) + seed,
      }),
    },
  );
  const rows = tableOf(called.result);
  const page = formatStudy(called.result, rows, [{ file: 'accuracy.svg', description: 'Accuracy by arm' }]);
  expect(page).toContain('# A&#124;B &#60;i&#62;');
  // Differences 21, 22, 21, 22 of 1,000: mean 2.15 points, sd 0.057735, t(0.975, 3) = 3.182446, half width 0.0919.
  expect(page).toMatch(
    /\| good \| 4 \| 83\.\d\d \| 0\.\d\d \| \+2\.15 \| \+2\.06 to \+2\.24 \| 4 \| 100\.0 \| - \| done \|/,
  );
  expect(page).toContain('| good | -g "a b&#124;c" |');
  expect(page).toContain('![Accuracy by arm](accuracy.svg)');
  const [head, , good] = formatStudyCsv(rows).split('\r\n');
  expect(head).toMatch(/^arm,words,baseline,n,mean,/);
  expect(good).toMatch(/^good,"'-g ""a b\|c""",false,4,0\.8/);
});
