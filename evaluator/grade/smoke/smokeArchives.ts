import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../../datasets/atomicWrite.ts';
import { plainJson, plainText } from '../../../datasets/plainText.ts';
import { readJson } from '../../../datasets/sealing/readJson.ts';
import { sha256Schema } from '../../../datasets/track.ts';
import { UserError } from '../../../datasets/userError.ts';
import type { RunRecord } from '../../run/record.ts';
import { type RunPlan, runEntry } from '../../run/runEntry.ts';
import { verdictCodeSchema, verdicts } from '../../run/verdict.ts';
import { removePath } from '../../sandbox/removeTree.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { formatCsv } from '../csv.ts';
import { gradingFile } from '../grading.ts';
import type { Submission } from '../listArchives.ts';

const resultFile = 'result.json';
const textFile = 'result.txt';
export const smokeFile = 'smoke.csv';
/** Runs are made here and removed, because a run's record contains its score. */
const runsFolder = '.runs';
/** A result is put together here, so that a folder with a contestant's name is complete. */
const draftFolder = '.draft';

const resultSchema = z.strictObject({
  schemaVersion: z.literal(1),
  file: z.string(),
  sha256: sha256Schema,
  conditions: z.string().describe('seconds, sandbox and Track; another try under others is made again'),
  started: z.boolean().describe('whether its train command started'),
  predicted: z.boolean().describe('whether it wrote valid predictions'),
  verdict: verdictCodeSchema,
  evidence: z.array(z.string()),
  advice: z.string(),
});

/** What a contestant is told about a short try of an archive. It contains no score. */
export type SmokeResult = z.infer<typeof resultSchema>;

export interface SmokePlan extends Omit<RunPlan, 'entryPath' | 'runsFolder' | 'keepModel' | 'track'> {
  readonly archives: readonly Submission[];
  /** An open Track. */
  readonly track: RunPlan['track'];
  /** Gets one folder per archive, with its name. Locked by the caller. */
  readonly outFolder: string;
  readonly trainSeconds: number;
}

export interface SmokeHooks {
  readonly abort: AbortSignal;
  readonly starts: (archive: Submission) => void;
  readonly ended: (result: SmokeResult, earlier: boolean) => void;
}

/**
 * Tries every archive for a short time. Each gets a folder that can be sent to its contestant: the logs, and whether it
 * started and predicted. An archive that was tried under the same conditions is not tried again. Neither a score nor a
 * label is written, and the folder must not be that of a grading.
 * @returns the results, without archives that were stopped or failed because of this machine
 * @throws UserError if the Track is sealed, or the folder is that of a grading
 */
export async function smokeArchives(
  plan: SmokePlan,
  sandbox: Sandbox,
  hooks: SmokeHooks,
): Promise<SmokeResult[]> {
  const { archives, outFolder } = plan;
  requireOpen(plan.track);
  requireNoGrading(outFolder);
  const results: SmokeResult[] = [];
  for (const folder of [runsFolder, draftFolder]) await removePath(join(outFolder, folder)).catch(() => {});
  for (const archive of archives) {
    if (hooks.abort.aborted) break;
    const earlier = await readEarlier(plan, archive, sandbox);
    if (earlier === null) hooks.starts(archive);
    const result = earlier ?? (await tryArchive(plan, archive, sandbox, hooks.abort));
    if (result === null) continue;
    hooks.ended(result, earlier !== null);
    if (result.verdict !== 'INFRA_FAULT') results.push(result);
    await replaceFile(join(outFolder, smokeFile), csvOf(results));
  }
  return results;
}

/** @throws UserError if a folder contains a grading */
export function requireNoGrading(outFolder: string): void {
  const found = ['runs', 'public', gradingFile].find((name) => existsSync(join(outFolder, name)));
  if (found === undefined) return;
  throw new UserError({
    option: '--out',
    path: resolve(outFolder),
    reason: `contains a grading (${found}), and short tries are kept apart from it`,
    remedy: 'Give another folder.',
  });
}

function requireOpen({ dir, info }: RunPlan['track']): void {
  if (!('sealed' in info)) return;
  throw new UserError({
    option: '--track',
    path: dir,
    reason: 'is sealed, and what an entry prints while it sees sealed images must not be sent to anyone',
    remedy: 'Give a public Track with --smoke.',
  });
}

async function tryArchive(
  plan: SmokePlan,
  { file, path, sha256 }: Submission,
  sandbox: Sandbox,
  abort: AbortSignal,
): Promise<SmokeResult | null> {
  const { archives: _, outFolder, trainSeconds, ...common } = plan;
  const runs = join(outFolder, runsFolder);
  const record = await runEntry(
    {
      ...common,
      entryPath: path,
      runsFolder: runs,
      keepModel: false,
      limits: { ...common.limits, trainSeconds },
    },
    sandbox,
    { abort },
  );
  try {
    if (record.verdict === 'ABORTED') return null;
    const result = resultOf(record, file, sha256, conditionsOf(plan, sandbox));
    await keep(outFolder, record.folder, result);
    return result;
  } finally {
    await removePath(runs).catch(() => {});
  }
}

function resultOf(record: RunRecord, file: string, sha256: string, conditions: string): SmokeResult {
  const { verdict, score, stages, advice } = record;
  const train = stages.find(({ stage }) => stage === 'train');
  return {
    schemaVersion: 1,
    file,
    sha256,
    conditions,
    started: train !== undefined && train.ended !== 'failed-to-start',
    predicted: score !== null,
    verdict,
    evidence: verdict === 'INFRA_FAULT' ? [verdicts.INFRA_FAULT.meaning] : record.evidence,
    advice,
  };
}

/** Seconds, sandbox and Track of a try. */
function conditionsOf({ trainSeconds, track }: SmokePlan, { kind }: Sandbox): string {
  return `${trainSeconds} s, ${kind}, ${track.info.name}`;
}

/** Writes the folder for the contestant, in one rename. */
async function keep(outFolder: string, run: string, result: SmokeResult): Promise<void> {
  const draft = join(outFolder, draftFolder);
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft);
  const logs = existsSync(run) ? (await readdir(run)).filter((name) => name.endsWith('.log')) : [];
  for (const name of logs) await copyFile(join(run, name), join(draft, name));
  await writeFile(join(draft, resultFile), `${plainJson(result, 2)}\n`);
  await writeFile(join(draft, textFile), textOf(result));
  const folder = join(outFolder, result.file);
  await rm(folder, { recursive: true, force: true });
  await rename(draft, folder);
}

async function readEarlier(
  plan: SmokePlan,
  { file, sha256 }: Submission,
  sandbox: Sandbox,
): Promise<SmokeResult | null> {
  const path = join(plan.outFolder, file, resultFile);
  if (!existsSync(path)) return null;
  const result = await readJson(path, resultSchema, { kind: 'a result', remedy: 'Remove it.' }).catch(
    (error) => {
      if (error instanceof UserError) return null; // it is written anew
      throw error;
    },
  );
  const isSame =
    result !== null &&
    result.sha256 === sha256 &&
    result.conditions === conditionsOf(plan, sandbox) &&
    result.verdict !== 'INFRA_FAULT';
  return isSame ? result : null;
}

const yesOrNo = (is: boolean): string => (is ? 'yes' : 'no');

function textOf({
  file,
  sha256,
  conditions,
  started,
  predicted,
  verdict,
  evidence,
  advice,
}: SmokeResult): string {
  return [
    `A short try of ${plainText(file)} (sha256 ${sha256})`,
    `Conditions: ${plainText(conditions)}`,
    `Its training started: ${yesOrNo(started)}`,
    `It wrote valid predictions: ${yesOrNo(predicted)}`,
    ...(predicted ? [] : [`Verdict: ${verdict}`, ...evidence.map((each) => `  ${plainText(each)}`), advice]),
    'What it printed is in the files beside this one. This try does not count as a run and has no score.',
    '',
  ].join('\n');
}

function csvOf(results: readonly SmokeResult[]): string {
  return formatCsv([
    ['file', 'sha256', 'started', 'predicted', 'verdict', 'evidence'],
    ...results.map(({ file, sha256, started, predicted, verdict, evidence }) => [
      plainText(file),
      sha256,
      started,
      predicted,
      predicted ? null : verdict,
      predicted ? null : plainText(evidence.join('; ')),
    ]),
  ]);
}
