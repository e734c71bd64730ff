import { z } from 'zod';

/** Who must act on a verdict. */
export type Owner = 'contestant' | 'infrastructure' | 'organizer';

interface VerdictFacts {
  readonly owner: Owner;
  /** Exit status of `haet` for this verdict. */
  readonly exitCode: number;
  readonly meaning: string;
  /** One sentence of what to do next. */
  readonly advice: string;
}

/** Every way a run can end. Types, exit statuses and documentation are derived from this table. */
export const verdicts = {
  SCORED: {
    owner: 'contestant',
    exitCode: 0,
    meaning:
      'Both stages ended within their limits, both predict runs gave the same rows, and the predictions were scored.',
    advice: 'Nothing to do.',
  },
  SCORED_SALVAGED: {
    owner: 'contestant',
    exitCode: 0,
    meaning:
      'Training was stopped early (deadline, crash or interrupt), and the model it had saved was scored.',
    advice: 'End training before the deadline or save more often, so that the latest model is scored.',
  },
  NO_OUTPUT: {
    owner: 'contestant',
    exitCode: 11,
    meaning: 'The train stage left nothing in its output folder, or predict wrote no predictions.npy.',
    advice:
      'Write the model into HAET_OUT_DIR while training, and predictions.npy there in the predict stage.',
  },
  INVALID_OUTPUT: {
    owner: 'contestant',
    exitCode: 12,
    meaning: 'predictions.npy is not a float array [testSize, classes] of finite values.',
    advice: 'Write one row of finite class scores per test image, in the order of the test images.',
  },
  REJECTED_ARCHIVE: {
    owner: 'contestant',
    exitCode: 10,
    meaning: 'The entry was not accepted: its archive or its haet.json is invalid.',
    advice: 'Fix what the evidence names and send the entry again.',
  },
  OUT_OF_MEMORY: {
    owner: 'contestant',
    exitCode: 13,
    meaning: 'The entry exceeded its memory limit, was stopped, and had saved no model.',
    advice: 'Use smaller batches or a smaller model; the limit is in HAET_MEMORY_BYTES.',
  },
  DISK_FULL: {
    owner: 'contestant',
    exitCode: 13,
    meaning: 'A stage exceeded the limit of its output folder.',
    advice: 'Keep only the newest checkpoint in HAET_OUT_DIR.',
  },
  TOO_MANY_PROCESSES: {
    owner: 'contestant',
    exitCode: 13,
    meaning: 'The entry reached the limit of processes and threads.',
    advice: 'Start fewer processes and threads; HAET_CPUS says how many can run at once.',
  },
  CRASHED: {
    owner: 'contestant',
    exitCode: 13,
    meaning: 'A stage failed, and there was nothing to score.',
    advice: "Read the end of the failed stage's log.",
  },
  PREDICT_TIMEOUT: {
    owner: 'contestant',
    exitCode: 13,
    meaning: 'The predict stage was still running at its deadline.',
    advice: 'Predict in larger batches, with fewer test-time views or a smaller model.',
  },
  RULE_VIOLATION: {
    owner: 'contestant',
    exitCode: 20,
    meaning: 'The entry broke a rule.',
    advice: 'Read the evidence; remove what it names.',
  },
  INFRA_FAULT: {
    owner: 'infrastructure',
    exitCode: 30,
    meaning: "The evaluator or its machine failed. It is not the entry's fault; the run can be repeated.",
    advice: 'Run it again; if it repeats, run `haet check-machine`.',
  },
  ABORTED: {
    owner: 'organizer',
    exitCode: 40,
    meaning: 'The run was stopped by the person who started it before anything could be scored.',
    advice: 'Start it again.',
  },
} as const satisfies Record<string, VerdictFacts>;

export type VerdictCode = keyof typeof verdicts;
export const verdictCodes = Object.keys(verdicts) as [VerdictCode, ...VerdictCode[]];
export const verdictCodeSchema = z.enum(verdictCodes);
