// Theory of operation
//
// Each stage gets a container of its own: no network, a read-only root, no capabilities and no way to gain any,
// Docker's own filter of system calls, memory without swap, processes and CPUs held by its control group.
//
// The container's first process is a `cat` on a pipe that only we hold, and is started before the clock: when the
// clock starts, the image is there, the mounts are made and nothing is left to do but `docker exec`. If we die,
// however we die, `cat` reads the end of the pipe and ends, and the kernel kills the rest of the container. It also
// keeps the control group alive until we have read its counters.
//
// The kill is a signal to that first process where this user may send it, and `docker kill` by name in any case; it is
// over when the control group is empty, and the container is then confirmed gone. Killing the client of `docker exec`
// would end nothing.
//
// `docker exec` hands on no descriptor but the usual three: progress lines go through a named pipe.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { UserError } from '../../datasets/userError.ts';
import { type GroupFolders, groupOf, processesIn, readLimitHits } from './controlGroup.ts';
import { entryUser } from './entryUser.ts';
import { readProcess } from './procfs.ts';
import type { Mount, ProcessSample, RunningStage, Sandbox, StageSpec } from './sandbox.ts';
import { type StartedChild, startChild } from './startChild.ts';

/** The image that entries run in where none is named. */
export const defaultImage = 'haet';

const isRoot = process.getuid?.() === 0;
/** Root gives entries a user who owns nothing; any other user can give only what is their own. */
const user = isRoot ? `${entryUser}:${entryUser}` : `${process.getuid?.()}:${process.getgid?.()}`;
const progressPipe = '/run/haet-progress';
let containersMade = 0;

/**
 * The Docker sandbox, on an engine of this machine.
 * @param image name of an image with the runtime of the entries; run by its content, whatever the name means later
 * @throws UserError where the engine or the image is missing
 */
export async function createDockerSandbox(image = defaultImage): Promise<Sandbox> {
  const { stdout, stderr, exitCode } = await execa(
    'docker',
    ['image', 'inspect', '--format', '{{.Id}}', image],
    { reject: false },
  );
  if (exitCode === undefined) {
    throw new UserError('--sandbox docker needs the docker command, which is not on PATH. Install Docker.');
  }
  if (exitCode !== 0) {
    throw new UserError(
      `the image ${image} cannot be used: ${stderr.trim().split('\n')[0]}. Build it with \`docker build -t ${defaultImage} .\`, or name another with --image.`,
    );
  }
  const id = stdout.trim();
  return {
    kind: 'docker',
    fenced: true,
    image: id,
    limited: true,
    contains:
      'A container a stage: no network, read-only root, no capabilities, filtered system calls; memory without swap, processes and CPUs held by its control group. The output folder has no quota on disk; it is looked at several times a second.',
    start: (spec) => startStage(spec, id),
  };
}

async function startStage(spec: StageSpec, image: string): Promise<RunningStage> {
  giveToEntry(spec);
  const made = new Made();
  const pipe = spec.progress ? await makePipe() : null;
  if (pipe !== null) made.add(pipe.close);
  try {
    const container = await startContainer(spec, image, pipe);
    made.add(container.remove);
    const stage = startChild(['docker', ...execWords(spec, container.name)], {
      // The client's own, which says what engine to ask; the entry's goes by `env`.
      environment: process.env as Record<string, string>,
      progress: false,
      cwd: '/',
    });
    made.add(() => ended(stage));
    let killed = false;
    // The client also fails where it loses the engine, and that is no status of the entry's.
    const exited = stage.exited.then(async (exit) => {
      if (exit.exitCode === 0 || killed || (await container.lives()) || killed) return exit;
      throw new Error(`the container ${container.name} or its engine ended by itself while a stage ran`);
    });
    exited.catch(() => {}); // whoever waits for it is told
    return {
      ...stage,
      progress: pipe?.reader ?? null,
      processes: container.processes,
      exited,
      async kill() {
        killed = true;
        const processesKilled = container.processes().length;
        const limitHits = readLimitHits(container.group);
        const signalledAt = performance.now();
        try {
          await container.kill();
          return { signalledAt, goneAt: performance.now(), processesKilled, limitHits };
        } finally {
          await made.undo();
        }
      },
    };
  } catch (error) {
    pipe?.reader.destroy();
    await made.undo().catch(() => {});
    throw error;
  }
}

/** Makes the folders that a stage may write to the entry's own. */
function giveToEntry(spec: StageSpec): void {
  if (!isRoot) return;
  for (const mount of spec.mounts) if (mount.writable) chownSync(mount.host, entryUser, entryUser);
}

/** What has been made so far, to be undone newest first. */
class Made {
  private readonly steps: (() => Promise<void>)[] = [];

  add(step: () => Promise<void>): void {
    this.steps.push(step);
  }

  /** Takes every step even where one fails, once. @throws the first failure */
  async undo(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.steps.splice(0).reverse()) await step().catch((error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}

/** The client of `docker exec` ends with what it started; where it hangs, it is ended. */
async function ended({ child, exited }: StartedChild): Promise<void> {
  const patience = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exited.catch(() => {});
  clearTimeout(patience);
}

interface Container {
  readonly name: string;
  readonly group: GroupFolders;
  processes(): ProcessSample[];
  /** Whether its engine answers and says that it runs. */
  lives(): Promise<boolean>;
  /** Resolves when nothing lives inside. */
  kill(): Promise<void>;
  /** @throws Error when Docker still knows it after ten seconds */
  remove(): Promise<void>;
}

/** @throws Error where Docker cannot make it, UserError where it is made on another machine; none is left then */
async function startContainer(spec: StageSpec, image: string, pipe: Pipe | null): Promise<Container> {
  containersMade += 1;
  const name = `haet-${process.pid}-${containersMade}-${spec.environment.HAET_RUN_ID ?? 'run'}`.slice(0, 120);
  const holder = spawn('docker', ['run', ...containerWords(spec, name, pipe), image, ...holderWords], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const remove = () => removeContainer(name, holder);
  try {
    const refusal = await saidReady(holder);
    if (refusal !== null) throw new Error(`docker could not make the container: ${refusal}`);
    const inspected = await docker('inspect', '--format', '{{.State.Pid}} {{.Id}}', name);
    const [pid, id] = inspected.split(' ');
    const init = Number(pid);
    const group = groupOnThisMachine(init, id!);
    return {
      name,
      group,
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
 * The control group of a container, found by the id of its first process.
 * @throws UserError where that process is not here: the engine counts processes on another machine, or in a container
 */
function groupOnThisMachine(init: number, id: string): GroupFolders {
  try {
    const group = groupOf(init);
    if (Object.values(group).every((folder) => folder.includes(id))) return group;
  } catch {
    // no such process
  }
  throw new UserError(
    `the Docker engine is not on this machine: process ${init}, which it names, is not that of its container here. Run the evaluator beside the engine, outside any container, and see DOCKER_HOST and \`docker context ls\`.`,
  );
}

async function killContainer(name: string, init: number, group: GroupFolders): Promise<void> {
  if (processesIn(group).includes(init)) {
    try {
      process.kill(init, 'SIGKILL');
    } catch {
      // not ours to signal, or gone already: Docker is asked
      await docker('kill', name).catch(() => {});
    }
  }
  const giveUpAt = performance.now() + 10_000;
  while (processesIn(group).length > 0) {
    if (performance.now() > giveUpAt) throw new Error('processes of the entry survived their kill for 10 s');
    await sleep(1);
  }
}

async function removeContainer(name: string, holder: ChildProcess): Promise<void> {
  holder.stdin?.destroy();
  try {
    await docker('rm', '--force', name).catch(() => {});
    const giveUpAt = performance.now() + 10_000;
    const known = () => execa('docker', ['container', 'inspect', name], { reject: false });
    while ((await known()).exitCode === 0) {
      if (performance.now() > giveUpAt)
        throw new Error(`the container ${name} is still there after its kill`);
      await sleep(50);
    }
  } finally {
    holder.kill('SIGKILL');
  }
}

/** The first process of a container; SIGCHLD is ignored so that orphans handed to it do not stay as zombies. */
const holderWords = ['env', '--ignore-signal=CHLD', 'cat'];

function containerWords(spec: StageSpec, name: string, pipe: Pipe | null): string[] {
  const { cpus, memoryBytes, processes, workBytes } = spec.limits;
  const scratch = (at: string) => ['--tmpfs', `${at}:rw,exec,nosuid,nodev,mode=1777,size=${workBytes}`];
  return [
    ...['--rm', '--interactive', '--name', name, '--hostname', 'haet', '--entrypoint', ''],
    ...['--network', 'none', '--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
    ...['--user', user, '--ipc', 'private', '--ulimit', 'core=0', '--log-driver', 'none'],
    ...['--memory', String(memoryBytes), '--memory-swap', String(memoryBytes)],
    // One more than the stage's own: the holder.
    ...['--pids-limit', String(processes + 1), '--cpus', String(cpus)],
    ...['--shm-size', String(workBytes), ...scratch('/tmp'), ...scratch(spec.work)],
    ...spec.mounts.flatMap((mount) => ['--mount', mountWord(mount)]),
    ...(pipe === null
      ? []
      : ['--mount', mountWord({ host: pipe.path, inside: progressPipe, writable: true })]),
  ];
}

function mountWord({ host, inside, writable }: Mount): string {
  const path = resolve(host);
  if (/[,"\n]/.test(path)) {
    throw new UserError(`${path}: Docker cannot show a path with a comma or a quote; move it elsewhere.`);
  }
  return `type=bind,src=${path},dst=${inside}${writable ? '' : ',readonly'}`;
}

/**
 * Starts the stage inside by `env -i`: what the image sets, and the proxies that the client adds from its
 * configuration, are not of the contract.
 */
function execWords(spec: StageSpec, name: string): string[] {
  const environment = Object.entries(spec.environment).map(([key, value]) => `${key}=${value}`);
  const start = spec.progress ? ['sh', '-c', `exec env -i "$@" 3>${progressPipe}`, 'start'] : ['env', '-i'];
  return ['exec', '--workdir', spec.cwd, name, ...start, ...environment, ...spec.argv];
}

/** Resolves with null when `cat` has sent a line back, else with what Docker says. */
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

async function docker(...words: string[]): Promise<string> {
  return (await execa('docker', words)).stdout.trim();
}

interface Pipe {
  readonly path: string;
  readonly reader: Socket;
  close(): Promise<void>;
}

/** A named pipe that a container may write to; reading it ends when the last writer has closed it. */
async function makePipe(): Promise<Pipe> {
  const folder = await mkdtemp(join(tmpdir(), 'haet-progress-'));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, 'pipe');
    await execa('mkfifo', [path]);
    chmodSync(path, 0o622);
    const reader = new Socket({
      fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
      readable: true,
      writable: false,
    });
    return {
      path,
      reader,
      async close() {
        // Where the stage never opened the pipe, this is what ends the reading.
        if (!reader.destroyed) closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}
