import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { execa } from 'execa';
import { UserError } from '../../../datasets/userError.ts';
import { type KillTimes, killAll, untilGone } from '../killing.ts';
import { foldersOf, type GroupFolders, groupOf, processesIn, setFrozen } from '../linux/groupFolders.ts';
import { hasFatalSignal, readProcess } from '../linux/procfs.ts';
import { ownName } from '../ownNames.ts';
import type { ProcessSample, StageSpec } from '../sandbox.ts';
import { outputInMemory, outputOnDisk, type StageOutput, wallOf } from '../stageOutput.ts';
import { waitUntil } from '../waitUntil.ts';
import { type ContainerParts, containerWords, holderWords, isRoot } from './containerWords.ts';
import { type Base, docker } from './engine.ts';
import { writeProfile } from './writeProfile.ts';

export interface Container {
  readonly name: string;
  readonly group: GroupFolders;
  /** Its own first process, on this machine. */
  readonly init: number;
  readonly output: StageOutput;
  processes(): ProcessSample[];
  /** Whether its engine answers and reports it as running. */
  lives(): Promise<boolean>;
  /** Resolves when nothing lives inside. */
  kill(): Promise<KillTimes>;
  /** @throws Error if Docker still knows it after ten seconds */
  remove(): Promise<void>;
}

/**
 * Starts a container for a stage, in which nothing but its first process runs yet.
 * @throws Error if Docker cannot make it, UserError if it is made on another machine; none is left then
 */
export async function startContainer(
  spec: StageSpec,
  base: Base,
  parts: Pick<ContainerParts, 'pipe' | 'names'>,
): Promise<Container> {
  const name = `${ownName('stage')}-${spec.environment.HAET_RUN_ID ?? 'run'}`.slice(0, 120);
  const profile = await writeProfile();
  const words = [...containerWords(spec, { ...parts, name, base }), ...profile.words];
  const holder = spawn('docker', ['run', ...words, base.image, ...holderWords], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const remove = () => removeContainer(name, holder);
  try {
    const refusal = await saidReady(holder).finally(profile.remove);
    if (refusal !== null) throw new Error(`docker could not make the container: ${refusal}`);
    const inspected = await docker('inspect', '--format', '{{.State.Pid}} {{.Id}}', name);
    const [pid, id] = inspected.split(' ');
    const init = Number(pid);
    const group = groupOnThisMachine(init, id!);
    spareFromMemoryKills(init);
    return {
      name,
      group,
      init,
      // Only root may look into a container.
      output: isRoot
        ? outputInMemory(init, spec.out, wallOf(spec.limits).bytes)
        : outputOnDisk(spec.out.host),
      processes: () =>
        processesIn(group)
          .filter((pid) => pid !== init)
          .flatMap((pid) => readProcess('/proc', pid) ?? []),
      async lives() {
        const { exitCode, stdout } = await execa(
          'docker',
          ['container', 'inspect', '--format', '{{.State.Running}}', name],
          { reject: false },
        );
        return exitCode === 0 && stdout.trim() === 'true' && processesIn(group).includes(init);
      },
      kill: () => killContainer(name, init, group),
      remove,
    };
  } catch (error) {
    await remove().catch(() => {});
    throw error;
  }
}

/**
 * Finds the control group of a container by the id of its first process.
 * @throws UserError if that process is not on this machine: the engine runs on another one, or in a container
 */
function groupOnThisMachine(init: number, id: string): GroupFolders {
  try {
    const group = groupOf(init);
    if (foldersOf(group).every((folder) => folder.includes(id))) return group;
  } catch {
    // no such process
  }
  throw new UserError(
    `the Docker engine is not on this machine: process ${init}, which it names, is not that of its container here. Run the evaluator beside the engine, outside any container, and see DOCKER_HOST and \`docker context ls\`.`,
  );
}

/** Makes the kernel kill the entry and not the holder when memory runs out, if we may set that (proc(5)). */
function spareFromMemoryKills(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '-1000');
  } catch {
    // The holder is the smallest process inside, so the kernel is unlikely to choose it.
  }
}

async function killContainer(name: string, init: number, group: GroupFolders): Promise<KillTimes> {
  if (maySignal(init)) {
    return killAll({ list: () => processesIn(group), setFrozen: (frozen) => setFrozen(group, frozen) });
  }
  const signalledAt = performance.now();
  await docker('kill', name).catch(() => {});
  await untilGone(() => processesIn(group).every(hasFatalSignal));
  const stoppedAt = performance.now();
  await untilGone(() => processesIn(group).length === 0);
  return { signalledAt, stoppedAt, goneAt: performance.now() };
}

/** Tells whether this user may signal a process; true if it is gone, since it needs no signal. */
function maySignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

async function removeContainer(name: string, holder: ChildProcess): Promise<void> {
  holder.stdin?.destroy();
  try {
    await docker('rm', '--force', name).catch(() => {});
    const inspect = () => execa('docker', ['container', 'inspect', name], { reject: false });
    const isGone = await waitUntil(async () => (await inspect()).exitCode !== 0, 10, 50);
    if (!isGone) throw new Error(`the container ${name} is still there after its kill`);
  } finally {
    holder.kill('SIGKILL');
  }
}

/** Resolves to null when `cat` has sent a line back, otherwise to the error of Docker. */
async function saidReady(holder: ChildProcess): Promise<string | null> {
  let complaint = '';
  holder.stdin!.on('error', () => {});
  holder.stderr!.on('data', (chunk) => {
    complaint += chunk;
  });
  const failed = new Promise<string>((done) => {
    holder.once('error', (error) => done(error.message));
    holder.once('exit', (code) => done(complaint.trim() || `it ended with status ${code}`));
  });
  holder.stdin!.write('ready\n');
  return Promise.race([once(holder.stdout!, 'data').then(() => null), failed]);
}
