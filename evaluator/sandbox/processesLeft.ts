import { hasFatalSignal, readProcess } from './linux/procfs.ts';
import { markedProcesses } from './process/tree.ts';

/**
 * Counts the live processes of a stage that its kill left. Looks at what holds the stage together (control group,
 * namespace, user, tree) and through the whole process table for the mark of the run, which a process keeps that left all
 * of these, for example one that another program of this machine started for the entry. A process that was sent SIGKILL or
 * is exiting does not count: it cannot run its own code any more, but the kernel lists it until it has been torn down,
 * which on a busy machine is after it has left its control group.
 * @param runId value of HAET_RUN_ID in the environment of the stage's processes
 * @param held ids of the processes that are still held together, as this machine counts them
 */
export function countProcessesLeft(runId: string | undefined, held: readonly number[]): number {
  const marked = runId === undefined ? [] : markedProcesses(runId).map(({ pid }) => pid);
  const isAlive = (pid: number) => readProcess('/proc', pid) !== null && !hasFatalSignal(pid);
  return [...new Set([...held, ...marked])].filter(isAlive).length;
}
