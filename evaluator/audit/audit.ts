import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import {
  drawVersions,
  type Halves,
  readContent,
  type TrackContent,
  type TrackVersion,
  trackVersions,
  writeVersion,
} from '../../datasets/controlTracks.ts';
import { describeFault } from '../../datasets/describeFault.ts';
import { plainJson } from '../../datasets/plainText.ts';
import { randomFrom, shuffle } from '../../datasets/random.ts';
import type { TrackInfo } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { version } from '../machine/version.ts';
import type { RunRecord } from '../run/record.ts';
import { type RunHooks, type RunPlan, runEntry } from '../run/runEntry.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { readPredictions } from '../score/readPredictions.ts';
import { argmax } from '../score/score.ts';
import { type Audit, type AuditedRun, auditFile, type Judgement } from './auditSchema.ts';
import { fewestClasses } from './chance.ts';
import { judgePermuted, judgeShuffled, type ScoredRun } from './judge.ts';

export interface AuditPlan extends Omit<RunPlan, 'track'> {
  /** An open Track: the controls are made of all of it. */
  readonly track: { readonly dir: string; readonly info: TrackInfo };
  /** Of the control labels and the order of the runs, 0 to 2^32 - 1. An entry that knew it could tell a control. */
  readonly controlSeed: number;
}

export interface AuditHooks extends Pick<RunHooks, 'abort' | 'onStage' | 'onProgress'> {
  readonly onRun?: (run: number, runs: number) => void;
}

interface AuditRun {
  readonly record: RunRecord;
  /** Null where the run was not scored. */
  readonly scored: ScoredRun | null;
}

/**
 * Runs an entry three times with the same seed and limits, on the Track as it is and on its two controls, in an order
 * that the entry does not know, and judges what it may have brought along. The runs and audit.json lie in a folder of
 * their own in `plan.runsFolder`; the folder's name says no more than when it was made.
 *
 * Each run has a Track written for it, gone before the next begins: where files are not fenced, an entry that saw two
 * of them could compare their labels.
 *
 * @throws UserError when the Track has too few classes or is not what it says, or a folder cannot be written
 */
export async function audit(plan: AuditPlan, sandbox: Sandbox, hooks: AuditHooks = {}): Promise<Audit> {
  const startedAt = new Date().toISOString();
  requireClasses(plan);
  const content = await readContent(plan.track.dir, plan.track.info);
  const random = randomFrom(plan.controlSeed);
  const { versions, renaming } = drawVersions(content.labels, content.info.classes.length, random);
  const order = shuffle([...trackVersions], random);
  const folder = await makeFolder(plan.runsFolder, startedAt);

  const runs: Partial<Record<TrackVersion, AuditRun>> = {};
  for (const [index, name] of order.entries()) {
    if (hooks.abort?.aborted) break;
    hooks.onRun?.(index + 1, order.length);
    runs[name] = await runOn(content, versions[name], { ...plan, runsFolder: folder }, sandbox, hooks);
  }

  const judgements = judge(runs, plan.controlSeed);
  const held = [judgements.shuffled.holds, judgements.permuted.holds];
  const result: Audit = {
    schemaVersion: 1,
    startedAt,
    folder,
    overall: held.includes(false) ? 'failed' : held.includes(null) ? 'inconclusive' : 'passed',
    entry: Object.values(runs)[0]?.record.entry ?? null,
    track: content.info.name,
    seed: plan.seed,
    controlSeed: plan.controlSeed,
    order,
    renaming,
    runs: {
      honest: summaryOf(runs.honest),
      shuffled: summaryOf(runs.shuffled),
      permuted: summaryOf(runs.permuted),
    },
    judgements,
    sandbox: {
      kind: sandbox.kind,
      contains: sandbox.contains,
      holds: sandbox.holds,
      image: sandbox.image,
    },
    evaluator: { version },
  };
  await replaceFile(join(folder, auditFile), `${plainJson(result, 2)}\n`);
  return result;
}

async function runOn(
  content: TrackContent,
  labels: Halves,
  plan: AuditPlan,
  sandbox: Sandbox,
  hooks: AuditHooks,
): Promise<AuditRun> {
  const dir = join(plan.runsFolder, randomUUID());
  try {
    const info = await writeVersion(content, labels, dir);
    const record = await runEntry({ ...plan, track: { dir, info } }, sandbox, hooks);
    // Read before the next run, which could reach the files of this one where they are not fenced.
    return { record, scored: await scoredRun(record, labels) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Null where it was not scored. The Tracks of an audit lie open, so that a score has its details. */
async function scoredRun(record: RunRecord, labels: Halves): Promise<ScoredRun | null> {
  const { score } = record;
  if (score === null || score.details === null) return null;
  return { score: { ...score, details: score.details }, right: await rightOf(record, labels) };
}

/** Which test images a scored run has right. */
async function rightOf(record: RunRecord, labels: Halves): Promise<boolean[]> {
  const classes = record.track!.classes.length;
  const folder = join(record.folder, 'predictions');
  const predictions = await readPredictions(folder, labels.test.length, classes);
  const right =
    predictions.state === 'valid'
      ? Array.from(
          labels.test,
          (label, image) =>
            argmax(predictions.scores.subarray(image * classes, (image + 1) * classes)) === label,
        )
      : [];
  if (right.filter(Boolean).length !== record.score!.correct) {
    throw new UserError({
      path: folder,
      reason: 'the predictions are no longer those that were scored; a process of the entry outlived its run',
      remedy: 'Audit it in a sandbox that holds it.',
    });
  }
  return right;
}

function judge(runs: Partial<Record<TrackVersion, AuditRun>>, seed: number): Audit['judgements'] {
  const changed = new Set(Object.values(runs).map(({ record }) => record.entry?.sha256)).size > 1;
  const judgeBy = (control: 'shuffled' | 'permuted', judgeRuns: typeof judgeShuffled): Judgement => {
    if (changed) return undecided('the files of the entry changed between the runs.');
    for (const name of ['honest', control] as const) {
      const run = runs[name];
      if (run === undefined) return undecided(`the audit was stopped before the ${name} run.`);
      if (run.scored === null) return undecided(`the ${name} run was not scored: ${run.record.verdict}.`);
    }
    return judgeRuns(runs.honest!.scored!, runs[control]!.scored!, seed);
  };
  return { shuffled: judgeBy('shuffled', judgeShuffled), permuted: judgeBy('permuted', judgePermuted) };
}

function undecided(sentence: string): Judgement {
  return { holds: null, statistic: null, threshold: null, pValue: null, sentence };
}

function summaryOf(run: AuditRun | undefined): AuditedRun | null {
  if (run === undefined) return null;
  const { runId, folder, verdict, evidence, score } = run.record;
  return {
    runId,
    folder,
    verdict,
    evidence,
    accuracy: score?.accuracy ?? null,
    wilson95: score?.wilson95 ?? null,
  };
}

function requireClasses({ track: { dir, info } }: AuditPlan): void {
  if (info.classes.length >= fewestClasses) return;
  throw new UserError({
    path: dir,
    reason: `has ${info.classes.length} classes; an audit needs at least ${fewestClasses}, as with fewer an honest entry can name them all by luck`,
    remedy: 'Give a Track of more classes.',
  });
}

async function makeFolder(parent: string, startedAt: string): Promise<string> {
  const name = `${startedAt.slice(0, 19).replaceAll(':', '-')}-${randomUUID().slice(0, 8)}`;
  const folder = join(resolve(parent), name);
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw new UserError({
      path: folder,
      reason: `cannot be made (${describeFault(error)})`,
      remedy: 'Give --out a folder that you may make or write to.',
    });
  });
  return folder;
}
