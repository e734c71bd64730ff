import { dirname, join } from 'node:path';
import { trackFiles } from '../datasets/track.ts';
import { environmentSchemas, type StageEnvironment } from './contract.ts';

export interface RunContext {
  readonly runId: string;
  readonly trackDir: string;
  readonly folders: RunFolders;
  readonly seed: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly trainSeconds: number;
  readonly predictSeconds: number;
}

/** Folders of one run, absolute. */
export interface RunFolders {
  readonly run: string;
  readonly model: string;
  readonly predictions: string;
  readonly work: string;
}

/** The environment of the train stage: the contract's variables and nothing of our own. */
export function trainEnvironment(run: RunContext): StageEnvironment['train'] {
  return environmentSchemas.train.parse({
    ...common(run, run.folders.model, run.trainSeconds),
    HAET_STAGE: 'train',
    HAET_TRAIN_DIR: join(run.trackDir, dirname(trackFiles.trainImages)),
    HAET_PROGRESS_FD: '3',
  });
}

/** The environment of the predict stage. */
export function predictEnvironment(run: RunContext): StageEnvironment['predict'] {
  return environmentSchemas.predict.parse({
    ...common(run, run.folders.predictions, run.predictSeconds),
    HAET_STAGE: 'predict',
    HAET_TEST_IMAGES: join(run.trackDir, trackFiles.testImages),
    HAET_MODEL_DIR: run.folders.model,
  });
}

function common(run: RunContext, outFolder: string, seconds: number) {
  return {
    HAET_OUT_DIR: outFolder,
    HAET_WORK_DIR: run.folders.work,
    HAET_SEED: String(run.seed),
    HAET_BUDGET_SECONDS: String(seconds),
    HAET_CPUS: String(run.cpus),
    HAET_MEMORY_BYTES: String(run.memoryBytes),
    HAET_RUN_ID: run.runId,
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: run.folders.work,
    TMPDIR: run.folders.work,
    LANG: 'C.UTF-8',
  };
}
