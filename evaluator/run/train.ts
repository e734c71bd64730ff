import type { Limits } from '../contract.ts';
import { hashFolder } from '../intake/loadEntry.ts';
import { type KeptFiles, keepRegularFiles } from '../stage/keepRegularFiles.ts';
import type { StageResult } from '../stage/runStage.ts';
import { readyOf, requireFair, runEntryStage } from './entryStage.ts';
import { faultOf, type SettledRun } from './settleRun.ts';
import type { Intake } from './takeIn.ts';

/** Result of the train stage. */
export interface Trained {
  /** Null if the stage could not be run. */
  readonly stage: StageResult | null;
  /** Null if its output could not be read. */
  readonly model: SavedModel | null;
  readonly fault: string | null;
}

export interface SavedModel {
  readonly kept: KeptFiles;
  /** Whether its files exceed the limit by their length; sparse files can be longer than the space they take. */
  readonly isTooLong: boolean;
  /** Hash by hashFolder; null if there is no usable model. */
  readonly sha256: string | null;
}

/** Runs the train stage and keeps the regular files of its output. Returns null if there was nothing to run. */
export async function train(run: SettledRun, intake: Intake): Promise<Trained | null> {
  const ready = readyOf(intake);
  if (ready === null || run.abort.aborted) return null;
  let stage: StageResult | null = null;
  let model: SavedModel | null = null;
  const fault = await faultOf(run, async () => {
    stage = await runEntryStage(run, ready, 'train', null);
    await run.hooks.onOutput?.('train', ready.folders.model);
    model = await saveModel(ready.folders.model, run.limits, stage);
    requireFair(stage);
  });
  return { stage, model, fault };
}

async function saveModel(folder: string, { outBytes }: Limits, stage: StageResult): Promise<SavedModel> {
  const kept = await keepRegularFiles(folder);
  const isTooLong = kept.bytes > outBytes;
  // Files beyond the limit are not read, not even for hashing, because a sparse file can have any length.
  const isUsable = !isTooLong && !stage.beyondQuota && kept.files > 0;
  return { kept, isTooLong, sha256: isUsable ? await hashFolder(folder) : null };
}

/** Returns facts about the output folder for the record, one sentence each. */
export function modelNotes({ kept, isTooLong }: SavedModel, { outBytes }: Limits): string[] {
  return [
    ...(kept.removed === 0
      ? []
      : [
          `train: removed ${kept.removed} items from its output folder that are not regular files with plain names`,
        ]),
    ...(isTooLong
      ? [`train: the files in its output folder have ${kept.bytes} bytes, maximum ${outBytes}`]
      : []),
  ];
}
