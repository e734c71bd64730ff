/** Environment variables of the contract. */
export interface Environment {
  /** Train stage: folder with images.npy and labels.npy. */
  readonly trainDir: string;
  /** Predict stage: path of images.npy. */
  readonly testImages: string;
  /** Predict stage: folder of the trained model. */
  readonly modelDir: string;
  readonly outDir: string;
  readonly seed: number;
  readonly budgetSeconds: number;
  readonly cpus: number;
  /** Descriptor for progress lines; null if not given. */
  readonly progressFd: number | null;
}

/** Reads the environment. @throws Error with the name of the missing variable */
export function readEnvironment(stage: 'train' | 'predict', variables: NodeJS.ProcessEnv): Environment {
  const text = (name: string): string => {
    const value = variables[name];
    if (value === undefined || value === '') {
      throw new Error(
        `${name} is not set: the ${stage} stage is started by the evaluator (try: haet dry-run).`,
      );
    }
    return value;
  };
  const number = (name: string): number => {
    const value = Number(text(name));
    if (!Number.isFinite(value)) throw new Error(`${name}="${text(name)}" is not a number.`);
    return value;
  };
  const isTraining = stage === 'train';
  return {
    trainDir: isTraining ? text('HAET_TRAIN_DIR') : '',
    testImages: isTraining ? '' : text('HAET_TEST_IMAGES'),
    modelDir: isTraining ? text('HAET_OUT_DIR') : text('HAET_MODEL_DIR'),
    outDir: text('HAET_OUT_DIR'),
    seed: number('HAET_SEED'),
    budgetSeconds: number('HAET_BUDGET_SECONDS'),
    cpus: number('HAET_CPUS'),
    progressFd: variables.HAET_PROGRESS_FD === undefined ? null : number('HAET_PROGRESS_FD'),
  };
}
