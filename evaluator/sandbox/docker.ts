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
import { startChild } from './startChild.ts';

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
  if (isRoot) {
    for (const mount of spec.mounts) if (mount.writable) chownSync(mount.host, entryUser, entryUser);
  }
  const pipe = spec.progress ? await makePipe() : null;
  const container = await startContainer(spec, image, pipe);
  try {
    const stage = startChild(['docker', ...execWords(spec, container.name)], {
      environment: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/' },
      progress: false,
      cwd: '/',
    });
    return {
      ...stage,
      progress: pipe?.reader ?? null,
      processes: container.processes,
      async kill() {
        const processesKilled = container.processes().length;
        const limitHits = readLimitHits(container.group);
        const signalledAt = performance.now();
        await container.kill();
        const goneAt = performance.now();
        await container.confirmGone();
        await stage.exited;
        await pipe?.close();
        return { signalledAt, goneAt, processesKilled, limitHits };
      },
    };
  } catch (error) {
    await container.kill();
    throw error;
  }
}

interface Container {
  readonly name: string;
  readonly group: GroupFolders;
  processes(): ProcessSample[];
  /** Resolves when nothing lives inside. */
  kill(): Promise<void>;
  /** @throws Error when Docker still knows it after ten seconds */
  confirmGone(): Promise<void>;
}

async function startContainer(spec: StageSpec, image: string, pipe: Pipe | null): Promise<Container> {
  containersMade += 1;
  const name = `haet-${process.pid}-${containersMade}-${spec.environment.HAET_RUN_ID ?? 'run'}`.slice(0, 120);
  const holder = spawn('docker', ['run', ...containerWords(spec, name, pipe), image, ...holderWords], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const refusal = await saidReady(holder);
  const inspected = await docker('inspect', '--format', '{{.State.Pid}}', name).catch(
    (error) => error as Error,
  );
  if (refusal !== null || inspected instanceof Error) {
    holder.kill('SIGKILL');
    throw new Error(`docker could not make the container: ${refusal ?? String(inspected)}`);
  }
  const init = Number(inspected);
  const group = groupOf(init);
  return {
    name,
    group,
    processes: () =>
      processesIn(group)
        .filter((pid) => pid !== init)
        .flatMap((pid) => readProcess('/proc', pid) ?? []),
    async kill() {
      try {
        process.kill(init, 'SIGKILL');
      } catch {
        // not ours to signal, or gone already: Docker is asked below
        await docker('kill', name).catch(() => {});
      }
      const giveUpAt = performance.now() + 10_000;
      while (processesIn(group).length > 0) {
        if (performance.now() > giveUpAt)
          throw new Error('processes of the entry survived their kill for 10 s');
        await sleep(1);
      }
    },
    async confirmGone() {
      holder.stdin?.destroy();
      await docker('rm', '--force', name).catch(() => {});
      const giveUpAt = performance.now() + 10_000;
      const known = () => execa('docker', ['container', 'inspect', name], { reject: false });
      while ((await known()).exitCode === 0) {
        if (performance.now() > giveUpAt)
          throw new Error(`the container ${name} is still there after its kill`);
        await sleep(50);
      }
    },
  };
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

function execWords(spec: StageSpec, name: string): string[] {
  const environment = Object.entries(spec.environment).flatMap(([key, value]) => [
    '--env',
    `${key}=${value}`,
  ]);
  const start = spec.progress
    ? ['sh', '-c', `exec "$@" 3>${progressPipe}`, 'start', ...spec.argv]
    : spec.argv;
  return ['exec', ...environment, '--workdir', spec.cwd, name, ...start];
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
      await rm(folder, { recursive: true });
    },
  };
}
