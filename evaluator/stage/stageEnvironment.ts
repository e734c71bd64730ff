import { dirname } from 'node:path';
import { environmentSchemas, type StageEnvironment } from '../contract.ts';
import type { StagePlaces } from './stagePlaces.ts';

/** Environment of a run except paths. */
export interface RunSettings {
  readonly runId: string;
  readonly seed: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Value of CUDA_VISIBLE_DEVICES; default: not set. */
  readonly visibleGpus?: string | undefined;
}

/** Returns the environment of the train stage: only the contract's variables. */
export function trainEnvironment(
  run: RunSettings,
  places: StagePlaces,
  seconds: number,
): StageEnvironment['train'] {
  return environmentSchemas.train.parse({
    ...common(run, places, seconds),
    HAET_STAGE: 'train',
    HAET_TRAIN_DIR: places.train,
    HAET_PROGRESS_FD: '3',
  });
}

/** Returns the environment of the predict stage: only the contract's variables. */
export function predictEnvironment(
  run: RunSettings,
  places: StagePlaces,
  seconds: number,
): StageEnvironment['predict'] {
  return environmentSchemas.predict.parse({
    ...common(run, places, seconds),
    HAET_STAGE: 'predict',
    HAET_TEST_IMAGES: places.testImages,
    HAET_MODEL_DIR: places.model,
  });
}

function common(run: RunSettings, places: StagePlaces, seconds: number) {
  return {
    HAET_OUT_DIR: places.out,
    HAET_WORK_DIR: places.work,
    HAET_SEED: String(run.seed),
    HAET_BUDGET_SECONDS: String(seconds),
    HAET_CPUS: String(run.cpus),
    HAET_MEMORY_BYTES: String(run.memoryBytes),
    HAET_RUN_ID: run.runId,
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    NODE_PATH: places.packages,
    HOME: places.work,
    TMPDIR: places.temporary,
    LANG: 'C.UTF-8',
    PYTHONUNBUFFERED: '1',
    ...(run.visibleGpus !== undefined && { CUDA_VISIBLE_DEVICES: run.visibleGpus }),
  };
}
