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
  /** An open Track; the controls use all of it. */
  readonly track: { readonly dir: string; readonly info: TrackInfo };
  /** Seed of control labels and run order, 0 to 2^32 - 1. An entry that knew it could recognise a control. */
  readonly controlSeed: number;
}

export interface AuditHooks extends Pick<RunHooks, 'abort' | 'onStage' | 'onProgress'> {
  readonly onRun?: (run: number, runs: number) => void;
}

interface AuditRun {
  readonly record: RunRecord;
  /** Null if the run was not scored. */
  readonly scored: ScoredRun | null;
}

/**
 * Runs an entry three times with the same seed and limits, on the Track and its two controls, in an order unknown to
 * the entry, and judges whether it brought knowledge along. The runs and audit.json are in a new folder in
 * `plan.runsFolder`, named only by its time.
 *
 * Each run gets its own Track, which is removed before the next run; without file isolation an entry could otherwise
 * compare labels.
 *
 * @throws UserError if the Track has too few classes or does not match its track.json, or a folder cannot be written
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
    // Read before the next run, which could access this run's files if they are not isolated.
    return { record, scored: await scoredRun(record, labels) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Reads the score of a run; null if it was not scored. Tracks of an audit are open, so scores have details. */
async function scoredRun(record: RunRecord, labels: Halves): Promise<ScoredRun | null> {
  const { score } = record;
  if (score === null || score.details === null) return null;
  return { score: { ...score, details: score.details }, right: await rightOf(record, labels) };
}

/** Returns, per test image, whether a scored run predicted it correctly. */
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
      reason: 'the predictions changed after scoring; a process of the entry survived its run',
      remedy: 'Use a sandbox that prevents this.',
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
    reason: `has ${info.classes.length} classes; an audit needs at least ${fewestClasses}, because with fewer an honest entry can be right by chance`,
    remedy: 'Give a Track with more classes.',
  });
}

async function makeFolder(parent: string, startedAt: string): Promise<string> {
  const name = `${startedAt.slice(0, 19).replaceAll(':', '-')}-${randomUUID().slice(0, 8)}`;
  const folder = join(resolve(parent), name);
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw new UserError({
      path: folder,
      reason: `cannot be created (${describeFault(error)})`,
      remedy: 'Give --out a folder that you can create or write to.',
    });
  });
  return folder;
}
