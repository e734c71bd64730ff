import { readdirSync } from 'node:fs';
import { beforeEach, expect, test } from '@jest/globals';
import { UserError } from '../../../../datasets/userError.ts';
import { runFolders } from '../../../../evaluator/grade/attempts.ts';
import { canariesFault } from '../../../../evaluator/grade/bundle/canariesFault.ts';
import type { Canary } from '../../../../evaluator/grade/canary/canary.ts';
import { readJudgements } from '../../../../evaluator/grade/canary/canaryLog.ts';
import { canaryFolder, issueCanary } from '../../../../evaluator/grade/canary/canaryRuns.ts';
import { type JudgeHooks, judgeCanaries } from '../../../../evaluator/grade/canary/judgeCanaries.ts';
import { writeRecord } from '../../../../evaluator/run/runFolder.ts';
import { removeUnscored, writeUnscored } from '../../../../evaluator/run/unscored.ts';
import { temporaryFolder } from '../../fixtures.ts';
import { type Made, madeUpRecord } from '../madeUpRecord.ts';

const { archiveSha256, track, seed, sandbox, limits, intake } = madeUpRecord();
const start = { archiveSha256, track, seed, limits, sandbox: { kind: sandbox.kind } };
let out: string;
let said: string[];
let canary: Canary;
let acted: string[];
beforeEach(async () => {
  [out, said, acted] = [await temporaryFolder(), [], []];
  canary = {
    archive: '/canary.tar.gz',
    terms: {
      ...{ archiveSha256: archiveSha256!, track: track!, seed, limits, intake },
      sandbox: sandbox.kind,
    },
    band: { accuracy: { low: 0.8, high: 0.9 }, imagesPerSecond: null },
    every: 20,
    outFolder: out,
    finish: () => Promise.reject(new Error('not expected')),
    warn: (sentence) => said.push(sentence),
  };
});
const hooks: JudgeHooks = {
  async act(node, because) {
    acted.push(`${node}: ${because}`);
    return 'drained';
  },
};
/** Makes a canary that has ended; without a score if `correct` is null. */
async function ran(node: string, made: Made = {}, isScored = true): Promise<string> {
  const attempt = (await runFolders(canaryFolder(out, node))).length + 1;
  const folder = await issueCanary(out, node, { ...start, attempt });
  const record = { ...madeUpRecord({ ...made, attempt }), folder };
  if (isScored) await writeRecord(folder, record);
  else await writeUnscored({ ...record, score: null }, null);
  return folder;
}
const found = async () =>
  (await readJudgements(out)).map(({ node, number, found: is }) => `${node} ${number} ${is}`);

test('each ended run is judged once; one out of its band has its machine acted on', async () => {
  await ran('n1', { correct: 850, trainSeconds: 10 });
  await ran('n1', { correct: 500 });
  await ran('n2', { correct: 850 });
  const made = await judgeCanaries(canary, hooks);
  expect(await found()).toEqual(['n1 1 good', 'n1 2 bad', 'n2 1 good']);
  expect(await readJudgements(out)).toEqual(made);
  expect(acted).toEqual(['n1: its canary scored 50.00 %, expected 80.00 % to 90.00 %']);
  expect(said).toEqual([
    'Canary 1 on n1: 85.00 %, 2.000 images per second, as expected',
    'Canary 2 on n1 is out of its band: its canary scored 50.00 %, expected 80.00 % to 90.00 %. The node is drained; when it is mended, `scontrol update NodeName=n1 State=RESUME` lets it run a canary again. Runs there since the last good canary do not count and are made again.',
    'Canary 1 on n2: 85.00 %, 0.2000 images per second, as expected',
  ]);
  expect(await judgeCanaries(canary, hooks)).toEqual([]);
  await ran('n2', { correct: 1 });
  await judgeCanaries(canary, hooks);
  expect((await found()).at(-1)).toBe('n2 2 bad');
  expect(acted).toHaveLength(2);
});

test('a run that has not ended is not judged, and none is where there was no canary', async () => {
  expect(await judgeCanaries(canary, hooks)).toEqual([]);
  await issueCanary(out, 'n1', { ...start, attempt: 1 });
  expect(await judgeCanaries(canary, hooks)).toEqual([]);
  expect(readdirSync(out)).toEqual(['runs']);
});

test('a stopped run, one of another canary, and one that cannot be taken in say nothing of the machine', async () => {
  await ran('n1', { verdict: 'ABORTED' });
  await ran('n1', { archiveSha256: 'f'.repeat(64), correct: 1 });
  const refused = await ran('n1', { correct: 1 });
  await judgeCanaries(canary, {
    ...hooks,
    async takeIn(folder) {
      if (folder === refused)
        throw new UserError({ path: folder, reason: 'the seed of the returned run is another' });
    },
  });
  expect(await found()).toEqual(['n1 1 unusable', 'n1 2 unusable', 'n1 3 unusable']);
  expect(acted).toEqual([]);
});

test('a run is scored before it is judged, and one that cannot be scored waits for the next call', async () => {
  const folder = await ran('n1', {}, false);
  expect(await judgeCanaries(canary, hooks)).toEqual([]);
  expect(said).toEqual([`${folder}: the canary could not be scored, and is not judged yet: not expected`]);
  const finish = async () => {
    const record = { ...madeUpRecord({ correct: 950 }), folder };
    await writeRecord(folder, record);
    await removeUnscored(folder);
    return record;
  };
  await judgeCanaries({ ...canary, finish }, hooks);
  expect(await found()).toEqual(['n1 1 bad']);
});

test('a kill between the action and the log has the machine acted on again', async () => {
  await ran('n1', { correct: 500 });
  const killed = { act: () => Promise.reject(new Error('killed')) };
  await expect(judgeCanaries(canary, killed)).rejects.toThrow('killed');
  expect(await found()).toEqual([]);
  await judgeCanaries(canary, hooks);
  expect([await found(), acted.length]).toEqual([['n1 1 bad'], 1]);
});

test('anyone can check that a judgement follows from record and band', async () => {
  await ran('n1', { correct: 850 });
  await ran('n1', { correct: 500 });
  await judgeCanaries(canary, hooks);
  const [good, bad] = await readJudgements(out);
  expect(await canariesFault(out, [good!, bad!])).toBe(null);
  const why = 'which does not follow from its record and its band';
  for (const changed of [
    { ...good!, found: 'bad' as const, because: 'its canary scored 50.00 %, expected 80.00 % to 90.00 %' },
    { ...good!, number: 2 },
  ]) {
    expect(await canariesFault(out, [changed, bad!])).toContain(why);
  }
  expect(await canariesFault(out, [good!, { ...bad!, found: 'good', because: null }])).toBe(
    `canary 2 on n1 was judged good, ${why}`,
  );
});
