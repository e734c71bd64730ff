import { plainText } from '../../datasets/plainText.ts';

/** State of one task of an array job. */
export interface TaskState {
  readonly index: number;
  readonly phase: 'queued' | 'running' | 'ended';
  /** Whether Slurm has ended it and waits for its node to confirm that. */
  readonly isLeaving: boolean;
  /** Whether it waits for something that will not come, so it must be cancelled. */
  readonly stuck: boolean;
  /** Whether it ended with status 0. */
  readonly completed: boolean;
  /** Null before it starts. */
  readonly node: string | null;
  readonly exitStatus: number;
  /** Seconds since it started. */
  readonly runSeconds: number;
  /** Why it waits. */
  readonly reason: string;
  /** What Slurm says about it, for the evidence. */
  readonly words: string;
}

/** States of a job (squeue(1)) in which it has not started, or has not ended. All others are ends. */
const queuedStates = [
  'PENDING',
  'CONFIGURING',
  'REQUEUED',
  'REQUEUE_HOLD',
  'REQUEUE_FED',
  'RESV_DEL_HOLD',
  'SPECIAL_EXIT',
];
const runningStates = ['RUNNING', 'COMPLETING', 'SUSPENDED', 'STOPPED', 'SIGNALING', 'STAGE_OUT', 'RESIZING'];
/** Reasons of a queued job that no wait ends. */
const hopeless = /^(?:BadConstraints|launch_failed_requeued_held|JobHoldMaxRequeue)$/i;
const quoted = ['JobState', 'Reason', 'ExitCode', 'RunTime', 'TimeLimit', 'StartTime', 'EndTime'];

/**
 * Parses the output of `scontrol show job --oneliner ID` for an array job.
 * @param name of the job; lines about others are left out
 */
export function parseTasks(text: string, name: string): TaskState[] {
  return text.split('\n').flatMap((line) => {
    const field = (name: string) => new RegExp(`(?:^|\\s)${name}=(\\S*)`).exec(line)?.[1] ?? '';
    if (field('JobName') !== name) return [];
    const state = field('JobState');
    const reason = field('Reason');
    const node = field('NodeList').replace(/^\(null\)$/, '') || null;
    const phase = queuedStates.includes(state)
      ? 'queued'
      : runningStates.includes(state)
        ? 'running'
        : 'ended';
    const said = quoted.map((name) => `${name}=${field(name)}`).join(' ');
    return indicesOf(field('ArrayTaskId')).map((index) => ({
      index,
      phase,
      isLeaving: state === 'COMPLETING',
      stuck: phase === 'queued' && hopeless.test(reason),
      completed: state === 'COMPLETED',
      node,
      runSeconds: secondsOf(field('RunTime')),
      exitStatus: Number(/^\d+/.exec(field('ExitCode'))?.[0] ?? 0),
      reason: plainText(reason),
      words: plainText(`job ${field('ArrayJobId')}_${index} on ${node ?? 'no node'}: ${said}`),
    }));
  });
}

/** Parses a time such as `00:20:05` or `1-00:20:05`. */
function secondsOf(text: string): number {
  const [, days = 0, ...clock] = /^(?:(\d+)-)?(\d+):(\d+):(\d+)$/.exec(text) ?? [];
  const [hours = 0, minutes = 0, seconds = 0] = clock.map(Number);
  return ((Number(days) * 24 + hours) * 60 + minutes) * 60 + seconds;
}

/** Parses the indices of an array, such as `3`, `0,2-5` or `1-9%2`. */
function indicesOf(text: string): number[] {
  return text
    .replace(/%\d+$/, '')
    .split(',')
    .flatMap((part) => {
      const found = /^(\d+)(?:-(\d+))?$/.exec(part);
      if (found === null) return [];
      const [first, last] = [Number(found[1]), Number(found[2] ?? found[1])];
      return Array.from({ length: last - first + 1 }, (_, at) => first + at);
    });
}
