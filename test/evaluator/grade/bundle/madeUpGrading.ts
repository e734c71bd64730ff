import type { KeyObject } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildOfficialRecord, type OfficialRecord } from '../../../../evaluator/attest/officialRecord.ts';
import { signRecord } from '../../../../evaluator/attest/signedRecord.ts';
import { publicVerifyKey } from '../../../../evaluator/attest/signingKey.ts';
import { formatCsv } from '../../../../evaluator/grade/csv.ts';
import { addDecisions } from '../../../../evaluator/grade/decisions.ts';
import { publicFolder } from '../../../../evaluator/grade/gradedFolders.ts';
import {
  type Grading,
  jobsOf,
  readGrading,
  termsText,
  writeGrading,
} from '../../../../evaluator/grade/grading.ts';
import { readLog, readStates, standingFrom } from '../../../../evaluator/grade/judging.ts';
import { writeStanding } from '../../../../evaluator/grade/writeStanding.ts';
import { archiveLimitsSchema } from '../../../../evaluator/intake/limits.ts';
import type { RunRecord } from '../../../../evaluator/run/record.ts';
import { hash, madeUpOfficial, sha256, signingKey } from '../../attest/madeUpOfficial.ts';
import { allHeld } from '../../fixtures.ts';
import { type Made, madeUpRecord } from '../madeUpRecord.ts';

/** A run of a made-up grading. */
export interface MadeRun extends Made {
  /** Name of its folder. */
  readonly run: string;
  readonly archive: 'a' | 'b';
}

const usual: readonly MadeRun[] = [
  { archive: 'a', run: 'r1', name: 'A', correct: 900 },
  { archive: 'a', run: 'r2', name: 'A', seed: 2, verdict: 'INFRA_FAULT' },
  { archive: 'a', run: 'r3', name: 'A', seed: 2, correct: 880, attempt: 2 },
  { archive: 'b', run: 'r1', name: 'B', correct: 800 },
  { archive: 'b', run: 'r2', name: 'B', seed: 2, correct: 810 },
];

/** The grading of two archives with two seeds. */
export function madeUpGradingJson(change: Partial<Grading> = {}): Grading {
  return {
    schemaVersion: 1,
    verifyKey: null,
    track: madeUpRecord().track!,
    trackSha256: hash('7'),
    archives: [
      { file: 'a.tar.gz', sha256: hash('a'), refused: null },
      { file: 'b.tar.gz', sha256: hash('b'), refused: null },
    ],
    leftOut: [{ file: 'notes.txt', reason: 'its name does not end in .tar' }],
    baselines: ['b.tar.gz'],
    seeds: [1, 2],
    sandbox: 'process',
    trainSeconds: 600,
    predictSeconds: 60,
    processes: 1024,
    cpus: null,
    memoryBytes: null,
    intake: archiveLimitsSchema.parse({}),
    retries: 1,
    mostDisturbance: 0.05,
    ...change,
  };
}

/** Writes a grading as `haet grade` leaves it: records, receipts, one decision of the past, leaderboard. */
export async function makeGrading(
  out: string,
  {
    signed = false,
    runs = usual,
    signer = signingKey,
    ...change
  }: Partial<Grading> & {
    readonly signed?: boolean;
    readonly runs?: readonly MadeRun[];
    /** Signs the runs, if they are signed. */
    readonly signer?: KeyObject;
  } = {},
): Promise<void> {
  const official = signed ? (await madeUpOfficial()).official : null;
  const verifyKey = publicVerifyKey(signer);
  const grading = madeUpGradingJson(
    official === null
      ? change
      : { verifyKey, sandbox: 'bubblewrap', track: official.record.track!, ...change },
  );
  await mkdir(out, { recursive: true });
  await addDecisions(out, [
    {
      schemaVersion: 1,
      at: '2026-11-21T10:41:23.000Z',
      archive: 'a.tar.gz',
      job: `${hash('a').slice(0, 16)}-t77777777-s2`,
      terms: termsText(grading),
      seed: 2,
      spent: 1,
      because: 'the disk was replaced',
    },
  ]);
  await writeGrading(out, grading);
  const receipts = grading.archives.map(({ file, sha256 }) => [
    file,
    sha256,
    '2026-11-21T10:41:23.000Z',
    'accepted',
  ]);
  await writeFile(
    join(out, 'receipts.csv'),
    formatCsv([['file', 'sha256', 'first_seen', 'intake'], ...receipts]),
  );
  let chain: OfficialRecord['chain'] = { number: 0, previousSha256: null };
  for (const run of runs) {
    const jws = await addRun(out, run, official && { ...chain, number: chain.number + 1 }, signer);
    if (jws !== null) chain = { number: chain.number + 1, previousSha256: sha256(jws) };
  }
  if (official !== null) {
    const head = { schemaVersion: 1, verifyKey, number: chain.number, sha256: chain.previousSha256 };
    await writeFile(join(out, 'chain.json'), JSON.stringify(head));
  }
  await judge(out);
}

/**
 * Adds a run to a grading.
 * @param chain its place, if it is signed
 * @returns its record.jws, if it is signed
 */
export async function addRun(
  out: string,
  { archive, run, ...made }: MadeRun,
  chain: OfficialRecord['chain'] | null = null,
  signer = signingKey,
): Promise<string | null> {
  const grading = await readGrading(out);
  const archiveSha256 = hash(archive);
  const job = jobsOf(grading, out).find(
    (each) => each.sha256 === archiveSha256 && each.seed === (made.seed ?? 1),
  )!;
  const folder = join(job.folder, run);
  await mkdir(join(folder, 'model'), { recursive: true });
  await writeFile(join(folder, 'model/weights'), 'secret weights');
  await writeFile(join(folder, 'train.stdout.log'), 'private log');
  const record: RunRecord = {
    ...madeUpRecord({ archiveSha256, ...made }),
    track: grading.track,
    modelSha256: hash('2'),
    runId: run,
    folder,
    sandbox: { kind: grading.sandbox, contains: 'time', holds: allHeld, image: null },
  };
  if (chain !== null && record.score !== null) Object.assign(record.score, { details: null });
  await writeFile(join(folder, 'record.json'), JSON.stringify(record));
  if (chain === null) return null;
  const facts = {
    chain,
    predictions: record.score === null ? null : sha256(run),
    image: `sha256:${hash('1')}`,
  };
  const jws = await signRecord(buildOfficialRecord(record, facts), signer);
  await writeFile(join(folder, 'record.jws'), jws);
  return jws;
}

/** Writes the leaderboard that follows from the files. */
export async function judge(out: string): Promise<void> {
  const grading = await readGrading(out);
  const log = await readLog(out);
  const states = await readStates(out, grading, log);
  await writeStanding(publicFolder(out), standingFrom(grading, states, log, out));
}

export const headOf = async (out: string): Promise<string> =>
  JSON.parse(await readFile(join(out, 'chain.json'), 'utf8')).sha256;
