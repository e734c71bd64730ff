import type { Limits } from '../contract.ts';
import { hashFolder } from '../intake/loadEntry.ts';
import { type KeptFiles, keepRegularFiles } from '../stage/keepRegularFiles.ts';
import type { StageResult } from '../stage/runStage.ts';
import { readyOf, requireFair, runEntryStage } from './entryStage.ts';
import { faultOf, type SettledRun } from './settleRun.ts';
import type { Intake } from './takeIn.ts';

/** What the train stage did and left. */
export interface Trained {
  /** Null where the stage could not be run. */
  readonly stage: StageResult | null;
  /** Null where what it left could not be looked at. */
  readonly model: SavedModel | null;
  readonly fault: string | null;
}

export interface SavedModel {
  readonly kept: KeptFiles;
  /** Whether its files are longer than they may be, though they may fill less: a file of holes can be of any length. */
  readonly isTooLong: boolean;
  /** By hashFolder; null where there is nothing that predict may use. */
  readonly sha256: string | null;
}

/** Runs the train stage and keeps the regular files that it left. @returns null where nothing was to be run */
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
  // What is too long is not read, not even to be hashed.
  const isUsable = !isTooLong && !stage.beyondQuota && kept.files > 0;
  return { kept, isTooLong, sha256: isUsable ? await hashFolder(folder) : null };
}

/** Facts for the record about what was left in the output folder, one sentence each. */
export function modelNotes({ kept, isTooLong }: SavedModel, { outBytes }: Limits): string[] {
  return [
    ...(kept.removed === 0
      ? []
      : [
          `train: ${kept.removed} things in its output folder that are no regular files of a plain name were removed`,
        ]),
    ...(isTooLong
      ? [`train: the files in its output folder are ${kept.bytes} bytes long; at most ${outBytes} are taken`]
      : []),
  ];
}
