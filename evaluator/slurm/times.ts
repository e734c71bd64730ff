import { UserError } from '../../datasets/userError.ts';

/** Times of the coordinator of a cluster, in milliseconds. */
export const usualTimes = {
  /** Between two looks at Slurm: ten times as long as the last one took, within these. */
  leastPause: 250,
  mostPause: 1000,
  /** Attempts that are asked for within this time are submitted together. */
  gather: 500,
  /** In which a task that Slurm calls running must have begun its log, by Slurm's clock. */
  start: 120_000,
  /** In which a missing result must appear: a network file system may show it some time after its task ended. */
  resultOfCompleted: 60_000,
  resultOfFailed: 2000,
  /** In which a task that nobody waits for must end by itself, and between two cancellations of it. */
  endByItself: 3000,
  cancelAgain: 10_000,
  /** In which a new attempt waits for another node than the one that lost the last. */
  elsewhere: 60_000,
  /** In which Slurm must end the tasks of a batch that is closed. */
  closing: 120_000,
} as const;
export type Times = Readonly<Record<keyof typeof usualTimes, number>>;

const startVariable = 'HAET_SLURM_START_SECONDS';

/**
 * Returns the times of a coordinator: the usual ones, but for what its environment sets.
 * @throws UserError if that is not a number of seconds
 */
export function timesFrom(env: NodeJS.ProcessEnv): Times {
  const text = env[startVariable];
  if (text === undefined || text === '') return usualTimes;
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 1) return { ...usualTimes, start: 1000 * seconds };
  throw new UserError({
    option: `${startVariable}=${text}`,
    reason: 'is not a number of seconds of at least 1',
    remedy: `Leave it unset (${usualTimes.start / 1000}), or give the time that a task may take to begin.`,
  });
}
