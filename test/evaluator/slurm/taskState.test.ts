import { expect, test } from '@jest/globals';
import { parseTasks } from '../../../evaluator/slurm/taskState.ts';

/** A line of `scontrol show job --oneliner` of Slurm 22.05, shortened. */
const line = (fields: Readonly<Record<string, string>>) =>
  Object.entries({
    JobId: '7',
    ArrayJobId: '5',
    ArrayTaskId: '0',
    JobName: 'haet-x',
    JobState: 'RUNNING',
    Reason: 'None',
    ExitCode: '0:0',
    RunTime: '00:00:02',
    TimeLimit: '00:22:00',
    StartTime: '2026-11-29T18:07:00',
    EndTime: 'Unknown',
    ReqNodeList: '(null)',
    ExcNodeList: '(null)',
    NodeList: 'n1',
    BatchHost: 'n1',
    ...fields,
  })
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');

test('tasks that wait are listed together by Slurm, and told apart', () => {
  const text = [
    line({ JobState: 'PENDING', ArrayTaskId: '2,4-6%3', NodeList: '', Reason: 'JobArrayTaskLimit' }),
    line({ ArrayTaskId: '1' }),
  ].join('\n');
  expect(
    parseTasks(text, 'haet-x').map(({ index, phase, node, reason }) => [index, phase, node, reason]),
  ).toEqual([
    [2, 'queued', null, 'JobArrayTaskLimit'],
    [4, 'queued', null, 'JobArrayTaskLimit'],
    [5, 'queued', null, 'JobArrayTaskLimit'],
    [6, 'queued', null, 'JobArrayTaskLimit'],
    [1, 'running', 'n1', 'None'],
  ]);
});

test('a task that Slurm has ended, but whose node has not confirmed it, is leaving', () => {
  const [task] = parseTasks(line({ JobState: 'COMPLETING' }), 'haet-x');
  expect(task).toMatchObject({ phase: 'running', isLeaving: true });
  expect(parseTasks(line({}), 'haet-x')[0]).toMatchObject({ phase: 'running', isLeaving: false });
});

test('a job that has the id by now but another name is left out', () => {
  expect(parseTasks(line({ JobName: 'haet-y' }), 'haet-x')).toEqual([]);
});

test.each([
  'BOOT_FAIL',
  'CANCELLED',
  'DEADLINE',
  'FAILED',
  'NODE_FAIL',
  'OUT_OF_MEMORY',
  'PREEMPTED',
  'TIMEOUT',
])('%s is an end without success, and Slurm’s words say where and how', (JobState) => {
  const [task] = parseTasks(line({ JobState, Reason: 'TimeLimit', ExitCode: '0:15' }), 'haet-x');
  expect(task).toMatchObject({ phase: 'ended', completed: false, stuck: false, exitStatus: 0 });
  expect(task!.words).toBe(
    `job 5_0 on n1: JobState=${JobState} Reason=TimeLimit ExitCode=0:15 RunTime=00:00:02 TimeLimit=00:22:00 StartTime=2026-11-29T18:07:00 EndTime=Unknown`,
  );
});

test('the exit status of a task is read, and success is recognised', () => {
  expect(parseTasks(line({ JobState: 'FAILED', ExitCode: '93:0' }), 'haet-x')[0]!.exitStatus).toBe(93);
  expect(parseTasks(line({ JobState: 'COMPLETED' }), 'haet-x')[0]).toMatchObject({
    phase: 'ended',
    completed: true,
  });
});

test('a task that no wait will start is stuck; one that a person holds is not', () => {
  const stuck = (Reason: string) => parseTasks(line({ JobState: 'PENDING', Reason }), 'haet-x')[0]!.stuck;
  expect(['BadConstraints', 'launch_failed_requeued_held'].map(stuck)).toEqual([true, true]);
  expect(['Resources', 'JobHeldUser', 'Priority'].map(stuck)).toEqual([false, false, false]);
});
