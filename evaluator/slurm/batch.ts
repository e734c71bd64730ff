import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { projectFolder } from '../machine/version.ts';
import { type ArrayState, type FoundArray, findArray, lookAtArray, submit } from './commands.ts';
import { leftOut, nodesFolder, nonceFile, type Task, writeTask } from './task.ts';

/** An array job, in a folder of its own in the shared folder. */
export interface Batch {
  /** Name of the job in Slurm, and of its folder. */
  readonly name: string;
  readonly folder: string;
  /** Id of the array job; null if it is not submitted or not known yet. */
  id: string | null;
}

/** What the organizer asks of Slurm. */
export interface SlurmOptions {
  /** Further words for sbatch. */
  readonly words: readonly string[];
  /** Maximum tasks that run at once; null: as many as Slurm starts. */
  readonly parallel: number | null;
}

const idFile = 'job-id';
const keyFile = 'images-key';
const overFile = 'over';
/** Time for intake, the second predict run, the sandbox and the way of the result, beside the limits of the stages. */
const marginSeconds = 600;
/** Variables of this process that tasks get. All others stay here, because they may hold secrets. */
const passedVariables = ['PATH', 'HOME', 'USER', 'LANG', 'HAET_CACHE', 'XDG_CACHE_HOME', 'DOCKER_HOST'];
/** Options of sbatch that name resources; without one, a task gets a node for itself. */
const resources = /^(?:--(?:exclusive|oversubscribe|cpus-|gpus|gres|mem|cores-|threads-)|-[cGsO])/;

/** Whether tasks get nodes for themselves. */
export function isAlone(words: readonly string[]): boolean {
  return !words.some((word) => resources.test(word) && !word.startsWith('--exclusive'));
}

export function batchOf(parent: string, name: string): Batch {
  return { name, folder: join(parent, name), id: null };
}

/** Creates the folder of a batch with all that its tasks need. */
export async function makeBatch(
  parent: string,
  tasks: readonly Task[],
  imagesKey: string | null,
): Promise<Batch> {
  const name = `haet-${randomBytes(6).toString('hex')}`;
  const batch = batchOf(parent, name);
  await mkdir(join(batch.folder, nodesFolder), { recursive: true, mode: 0o700 });
  const nonce = randomBytes(16).toString('hex');
  await writeFile(join(batch.folder, nonceFile), nonce);
  const key = join(batch.folder, keyFile);
  if (imagesKey !== null) await copyFile(imagesKey, key);
  for (const [index, task] of tasks.entries()) {
    await writeTask(batch.folder, index, { ...task, imagesKey: imagesKey && key });
  }
  await writeFile(join(batch.folder, 'script.sh'), scriptOf(batch, nonce));
  return batch;
}

/** Whether Slurm was seen to hold no task of a batch that no attempt needs. */
export const isOver = ({ folder }: Batch): boolean => existsSync(join(folder, overFile));

export async function markOver({ folder }: Batch): Promise<void> {
  // A batch that Slurm refused has lost its folder.
  if (existsSync(folder)) await writeFile(join(folder, overFile), '');
}

/** Removes the key of the test images. Call it when no attempt needs the batch any more. */
export async function removeKey({ folder }: Batch): Promise<void> {
  await rm(join(folder, keyFile), { force: true });
}

/**
 * Submits a batch as one array job.
 * @returns its id; null if no answer came, so that it may have been submitted or not
 * @throws UserError with Slurm's words if it is refused
 */
export async function submitBatch(
  batch: Batch,
  tasks: readonly Task[],
  { words, parallel }: SlurmOptions,
  excluded: readonly string[],
): Promise<string | null> {
  const { limits, quietSeconds, canary } = tasks[0]!;
  const runSeconds = limits.trainSeconds + 2 * limits.predictSeconds + quietSeconds;
  const minutes = Math.ceil(((canary === undefined ? 1 : 2) * runSeconds + marginSeconds) / 60);
  const id = await submit([
    '--output=/dev/null',
    `--time=${minutes}`,
    `--export=${passedVariables.join(',')}`,
    '--chdir=/',
    ...(isAlone(words) ? ['--exclusive'] : []),
    ...(excluded.length > 0 ? [`--exclude=${excluded.join(',')}`] : []),
    ...words,
    // Last, because the batch is found by its name, and a task that Slurm requeued would run twice.
    `--job-name=${batch.name}`,
    `--array=0-${tasks.length - 1}${parallel === null ? '' : `%${parallel}`}`,
    '--no-requeue',
    join(batch.folder, 'script.sh'),
  ]);
  if (id !== null) await keepId(batch, id);
  return id;
}

/** Looks up the array job of a batch whose coordinator got no answer, or was killed before it kept the id. */
export async function findArrayOf(batch: Batch): Promise<FoundArray> {
  const path = join(batch.folder, idFile);
  if (existsSync(path)) return { kind: 'found', id: (await readFile(path, 'utf8')).trim() };
  const found = await findArray(batch.name);
  if (found.kind === 'found') await keepId(batch, found.id);
  return found;
}

/**
 * Returns what Slurm says about a batch, and fills in the id of its array job; null if Slurm does not know it and the id
 * never came back.
 */
export async function stateOfBatch(batch: Batch): Promise<ArrayState | null> {
  if (batch.id === null) {
    const found = await findArrayOf(batch);
    if (found.kind === 'unreachable') return found;
    if (found.kind === 'none') return null;
    batch.id = found.id;
  }
  return lookAtArray(batch.id, batch.name);
}

async function keepId({ folder }: Batch, id: string): Promise<void> {
  // A damaged batch may have lost its folder.
  if (existsSync(folder)) await replaceFile(join(folder, idFile), `${id}\n`);
}

/** Whether a task of a batch has started, as far as its log tells. */
export const hasStarted = (batch: Batch, index: number): boolean => existsSync(logOf(batch, index));

/** Returns the log of a task: what `haet node-task` printed. */
export const logOf = ({ folder }: Batch, index: number): string => join(folder, `log-${index}.txt`);

/** Slurm sends the script to the node, so it can tell that the node does not see the shared folder. */
function scriptOf({ folder }: Batch, nonce: string): string {
  const bin = join(projectFolder, 'cli/bin.mjs');
  return `#!/bin/sh
batch=${quote(folder)}
[ "$(cat "$batch/${nonceFile}" 2>/dev/null)" = ${nonce} ] || exit ${leftOut.noSharedFolder}
exec >>"$batch/log-$SLURM_ARRAY_TASK_ID.txt" 2>&1 </dev/null
[ -x ${quote(process.execPath)} ] && [ -r ${quote(bin)} ] || exit ${leftOut.noHaet}
exec ${quote(process.execPath)} ${quote(bin)} node-task "$batch/task-$SLURM_ARRAY_TASK_ID.json"
`;
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
