import { resolve } from 'node:path';
import { evaluatorCommit } from '../machine/commit.ts';
import { disturbances } from '../machine/contention.ts';
import { version } from '../machine/version.ts';
import { noProgress } from '../stage/readStreams.ts';
import { decideVerdict, type RunFacts } from './decideVerdict.ts';
import { type RunSteps, stagesOf } from './factsOf.ts';
import { type RunRecord, runRecordVersion } from './record.ts';
import type { SettledRun } from './settleRun.ts';
import { modelNotes } from './train.ts';
import { verdicts } from './verdict.ts';

/**
 * Builds the record of a finished run.
 * @param remarks further sentences for the evidence
 */
export async function buildRecord(
  run: SettledRun,
  steps: RunSteps,
  facts: RunFacts,
  remarks: readonly string[],
): Promise<RunRecord> {
  const { plan, sandbox, recordedLimits } = run;
  const { intake, trained, scoring } = steps;
  const { verdict, evidence } = decideVerdict(facts);
  const stages = stagesOf(steps);
  const records = stages.map(({ record }) => record);
  return {
    schemaVersion: runRecordVersion,
    runId: intake.runId,
    startedAt: run.startedAt,
    folder: intake.folders?.run ?? plan.runsFolder,
    verdict,
    owner: verdicts[verdict].owner,
    evidence: [
      ...evidence,
      ...(trained?.model ? modelNotes(trained.model, run.limits) : []),
      ...remarks,
      ...stages.flatMap(({ notes }) => notes),
      ...disturbances(records, recordedLimits.cpus, plan.mostDisturbance),
      ...(plan.remarks ?? []),
    ],
    advice: verdicts[verdict].advice,
    score: verdict === 'SCORED' || verdict === 'SCORED_SALVAGED' ? scoring.score : null,
    entry: intake.entry && {
      name: intake.entry.manifest.name,
      team: intake.entry.manifest.team,
      path: resolve(plan.entryPath),
      sha256: intake.entry.sha256,
    },
    archiveSha256: intake.archiveSha256,
    modelSha256: trained?.model?.sha256 ?? null,
    intake: run.archiveLimits,
    track: plan.track.info,
    seed: plan.seed,
    attempt: run.attempt,
    sandbox: {
      kind: sandbox.kind,
      contains: sandbox.contains,
      holds: sandbox.holds,
      image: sandbox.image,
    },
    limits: recordedLimits,
    gpus: run.gpus,
    stages: records,
    progress: trained?.stage?.progress ?? noProgress,
    machine: plan.machine,
    evaluator: { version, commit: await evaluatorCommit() },
  };
}
