import type { Sandbox } from '../sandbox/sandbox.ts';
import { buildRecord } from './buildRecord.ts';
import { factsOf } from './factsOf.ts';
import { keepRecord, tidyRun } from './keepRecord.ts';
import { predict, predictSecond } from './predict.ts';
import type { RunRecord } from './record.ts';
import type { RunHooks, RunPlan } from './runPlan.ts';
import { closeTrack, scorePredictions } from './scorePredictions.ts';
import { settleRun } from './settleRun.ts';
import { startDoubts } from './startDoubts.ts';
import { removeUnpacked, takeIn } from './takeIn.ts';
import { train } from './train.ts';

export type { RunHooks, RunPlan } from './runPlan.ts';

/**
 * Runs an entry on a Track and scores it. Always returns a record; it is written to record.json in the run's folder
 * unless the disk fails. Every step returns what it found and the fault of the evaluator or its machine that cut it
 * short; a step whose predecessor did not end well is not taken.
 *
 * On a sealed Track the record is not final: it is stored as unscored.json until `scoreRun` adds the score, if the
 * predictions are valid, and signs it.
 * @throws UserError if the Track is sealed and its withheld half was not opened
 */
export async function runEntry(plan: RunPlan, sandbox: Sandbox, hooks: RunHooks = {}): Promise<RunRecord> {
  const run = settleRun(plan, sandbox, hooks);
  const intake = await takeIn(run);
  const trained = await train(run, intake);
  const predicted = await predict(run, intake, trained);
  const again = plan.predictOnce ? null : await predictSecond(run, intake, predicted);
  const track = await closeTrack(run, trained, predicted, again);
  const scoring = await scorePredictions(run, predicted, again, track);
  const doubts = await startDoubts({ intake, trained, predicted, again });
  await removeUnpacked(run, intake);

  const steps = { intake, trained, predicted, again, track, scoring };
  const facts = factsOf(steps, run);
  const remarks = await tidyRun(run, intake.folders, facts.fault !== null);
  const record = await buildRecord(run, steps, facts, [...doubts, ...remarks]);
  return keepRecord(run, intake.folders, record);
}
