// What runs on a node: one attempt of one job, from its task file to a finished run in the attempt's folder. This
// process is given the key of the test images. It has neither the labels nor the organizer's identity, so it cannot
// score: it leaves an unscored run, which the coordinator takes in, scores and signs.
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { UserError } from '../../datasets/userError.ts';
import { readIssued } from '../grade/issued.ts';
import { evaluatorCommit } from '../machine/commit.ts';
import { entryMemoryBytes } from '../machine/entryMemory.ts';
import { gpusOfTask } from '../machine/gpus.ts';
import { describeMachine } from '../machine/machine.ts';
import { waitForQuiet } from '../machine/quiet.ts';
import { runtimePlaces, tensorflowFolder } from '../machine/runtime.ts';
import { version } from '../machine/version.ts';
import type { CanaryMark } from '../run/canaryMark.ts';
import { type RunRecord, recordFile } from '../run/record.ts';
import { runEntry } from '../run/runEntry.ts';
import { openRunTrack } from '../run/runTrack.ts';
import { unscoredFile } from '../run/unscored.ts';
import { createSandbox } from '../sandbox/createSandbox.ts';
import { makeOwnFolder } from '../sandbox/ownNames.ts';
import { removePath } from '../sandbox/removeTree.ts';
import { requireNotShown } from '../sandbox/requireNotShown.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { excludeNodes } from './commands.ts';
import { passCanary } from './nodeCanary.ts';
import {
  agreeOnImage,
  clockAhead,
  readableOf,
  readFinding,
  tensorflowDigest,
  whyUnfit,
  writeFinding,
} from './nodeCheck.ts';
import { supersededFolder } from './superseded.ts';
import { nodesFolder, readTask, resultFolder, type Status, statusFile, type Task, taskFile } from './task.ts';

/** Where a task runs. */
export interface Node {
  /** Its name in Slurm. */
  readonly name: string;
  /** What Slurm calls the task, for the evidence. */
  readonly job: string;
  /** Takes the machine for a timed run; returns a function that releases it. */
  readonly lock: () => () => void;
  readonly tell: (sentence: string) => void;
}

/** How a task ended. */
export type TaskEnd = 'left-a-result' | 'not-wanted' | 'stopped' | 'unfit';

const statusMs = 2000;

/**
 * Runs the attempt of a task file.
 * @param abort ends it without a result
 * @throws UserError if something is missing on this node; the coordinator finds the message in the task's log
 */
export async function runNodeTask(path: string, node: Node, abort: AbortSignal): Promise<TaskEnd> {
  const task = await readTask(path);
  if (!(await isWanted(task, path))) return 'not-wanted';
  // Creating a sandbox already disturbs a run that is being timed on this machine.
  const unlock = task.alone ? node.lock() : () => {};
  try {
    const batch = dirname(path);
    const sandbox = await fitSandbox(task, batch, node);
    if (sandbox === null) return 'unfit';
    const canary = await passCanary(task, node.name, await describeMachine(), async (own) => {
      statusWriter(task).stage('canary');
      const stillWanted = async () => !isDecided(own);
      const { end, record } = await runAndLeave(own, sandbox, node, abort, null, stillWanted);
      return end === 'left-a-result' ? record : null;
    });
    if (canary.kind === 'stopped') return 'stopped';
    if (canary.kind === 'out') {
      await writeFinding(batch, node.name, `${canary.because}.`);
      return 'unfit';
    }
    if (!(await isWanted(task, path))) return 'not-wanted';
    const stillWanted = () => isWanted(task, path);
    return (await runAndLeave(task, sandbox, node, abort, canary.mark, stillWanted)).end;
  } finally {
    unlock();
  }
}

/** Runs the entry of a task and leaves the finished run for the coordinator. */
async function runAndLeave(
  task: Task,
  sandbox: Sandbox,
  node: Node,
  abort: AbortSignal,
  mark: CanaryMark | null,
  stillWanted: () => Promise<boolean>,
): Promise<{ end: TaskEnd; record: RunRecord }> {
  const scratch = await makeOwnFolder('node');
  try {
    const record = await runAttempt(task, sandbox, scratch, node, abort, mark);
    if (abort.aborted) return { end: 'stopped', record };
    const left = await leaveResult(record.folder, task, node.job, stillWanted);
    return { end: left ? 'left-a-result' : 'not-wanted', record };
  } finally {
    await removePath(scratch).catch(() => {});
  }
}

/**
 * Keeps tasks of an array that have not started from all nodes that are not fit. The coordinator does the same, but need
 * not be there.
 */
export async function leaveOutOfArray(id: string, batch: string): Promise<void> {
  const names = await readdir(join(batch, nodesFolder)).catch((): string[] => []);
  const nodes = names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
  const unfit: string[] = [];
  for (const node of nodes) if ((await readFinding(batch, node))?.unfit != null) unfit.push(node);
  await excludeNodes(id, unfit);
}

/** Whether the coordinator still waits for the attempt, and waits for this task of it. */
async function isWanted(task: Task, path: string): Promise<boolean> {
  if (isDecided(task)) return false;
  const issued = await readIssued(task.attemptFolder).catch(() => null);
  return issued?.batch === basename(dirname(path)) && taskFile(issued.index) === basename(path);
}

/** Whether a run of the task is there already, or its folder is gone. */
function isDecided({ attemptFolder }: Task): boolean {
  const results = [recordFile, unscoredFile, resultFolder];
  return !existsSync(attemptFolder) || results.some((name) => existsSync(join(attemptFolder, name)));
}

/** Creates the sandbox and, before the node's first attempt of the batch, checks the node. Null if it is not fit. */
async function fitSandbox(task: Task, batch: string, { name }: Node): Promise<Sandbox | null> {
  const { kind, image, runtime } = task.sandbox;
  const earlier = await readFinding(batch, name);
  if (earlier?.unfit != null) return null;
  let sandbox: Sandbox;
  try {
    sandbox = await createSandbox(kind, { image, ...(runtime !== null && { runtime }) });
    requireNotShown(sandbox, { '--track': task.trackDir, '--out': batch, 'the archive': task.archive });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    await writeFinding(batch, name, `its sandbox does not work: ${error.message}`);
    return null;
  }
  if (earlier !== null) return sandbox;
  const facts = {
    version,
    commit: await evaluatorCommit(),
    tensorflow: await tensorflowDigest(tensorflowFolder(runtimePlaces().packages)),
    sandbox,
    clockSeconds: await clockAhead(batch, name),
    readable: await readableOf(task.expected.hidden),
  };
  const expected = {
    ...task.expected,
    image: task.expected.image ?? (await agreeOnImage(batch, sandbox.image)),
  };
  const unfit = whyUnfit(facts, expected);
  await writeFinding(batch, name, unfit);
  return unfit === null ? sandbox : null;
}

/** Runs the entry in a folder of this node. */
async function runAttempt(
  task: Task,
  sandbox: Sandbox,
  scratch: string,
  node: Node,
  abort: AbortSignal,
  mark: CanaryMark | null,
): Promise<RunRecord> {
  const machine = await describeMachine();
  const track = await openRunTrack(task.trackDir, task.imagesKey ?? undefined);
  try {
    if (!isDeepStrictEqual(track.info, task.track)) {
      throw new UserError({
        path: task.trackDir,
        reason: 'is not the Track of this attempt',
        remedy: 'Keep one Track in the shared folder.',
      });
    }
    const cpus = task.cpus ?? machine.cores;
    const conditions = { cpus, most: task.mostDisturbance, patienceSeconds: task.quietSeconds };
    const remarks = task.quietSeconds > 0 ? await waitForQuiet(conditions, node.tell, abort) : [];
    const status = statusWriter(task);
    const gpus = gpusOfTask();
    const record = await runEntry(
      {
        entryPath: task.archive,
        entryArguments: task.entryArguments,
        track: { dir: track.dir, info: track.info, withheld: { ...track.withheld, labels: null } },
        runsFolder: join(scratch, 'runs'),
        seed: task.seed,
        attempt: task.attempt,
        limits: task.limits,
        cpus,
        memoryBytes: entryMemoryBytes(machine, task.memoryBytes ?? undefined),
        machine,
        ...(gpus !== undefined && { gpus }),
        intake: task.intake,
        keepModel: task.keepModel,
        predictOnce: task.predictOnce,
        mostDisturbance: task.mostDisturbance,
        remarks: [
          ...remarks,
          `ran on node ${node.name}, Slurm job ${node.job}`,
          ...(mark === null ? [] : [`ran after canary ${mark.number} of ${mark.node}`]),
        ],
        ...(mark !== null && { canary: mark }),
      },
      sandbox,
      { abort, onStage: status.stage, onProgress: ({ accuracy }) => status.progress(accuracy ?? null) },
    );
    if (!abort.aborted && !existsSync(join(record.folder, unscoredFile))) {
      throw new UserError(`the run left no ${unscoredFile}: ${record.evidence[0]}`);
    }
    return record;
  } finally {
    await track.close();
  }
}

/** Tells the coordinator how far the attempt is. Failures do not affect the run. */
function statusWriter({ attemptFolder }: Task) {
  const path = join(attemptFolder, statusFile);
  let status: Status = { stage: '', stageSince: 0, accuracy: null };
  let writtenAt = 0;
  const write = () => {
    writtenAt = Date.now();
    replaceFile(path, JSON.stringify(status)).catch(() => {});
  };
  return {
    stage(stage: string): void {
      status = { ...status, stage, stageSince: Date.now() };
      write();
    },
    progress(accuracy: number | null): void {
      status = { ...status, accuracy };
      if (Date.now() - writtenAt >= statusMs) write();
    },
  };
}

/**
 * Moves a finished run into the shared folder: it appears there whole or not at all. If it is not wanted any more it is
 * kept as superseded.
 * @returns whether it was still wanted
 */
async function leaveResult(
  run: string,
  { attemptFolder }: Task,
  job: string,
  stillWanted: () => Promise<boolean>,
): Promise<boolean> {
  const copy = join(attemptFolder, `.${resultFolder}-${process.pid}`);
  try {
    await mkdir(copy);
    await cp(run, copy, { recursive: true, verbatimSymlinks: true });
    const wanted = await stillWanted();
    await rename(copy, join(attemptFolder, wanted ? resultFolder : supersededFolder(job)));
    return wanted;
  } catch (error) {
    if (!existsSync(attemptFolder)) return false;
    throw error;
  } finally {
    await rm(copy, { recursive: true, force: true }).catch(() => {});
  }
}
