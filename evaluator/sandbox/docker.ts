// Theory of operation
//
// Each stage gets a container of its own: no network, a read-only root, no capabilities and no way to gain any, our
// profile of system calls (dockerProfile.ts), memory without swap, processes and CPUs held by its control group.
//
// The container's first process is a `cat` on a pipe that only we hold, and is started before the clock: when the
// clock starts, the image is there, the mounts are made and nothing is left to do but `docker exec`. If we die,
// however we die, `cat` reads the end of the pipe and ends, and the kernel kills the rest of the container. It also
// keeps the control group alive until we have read its counters. It is of another user than the entry, who may so
// neither signal it nor reach its pipe through /proc, which would keep it open after our death.
//
// The kill is that of killing.ts on the container's control group, where this user may freeze and signal its processes;
// elsewhere `docker kill` by name. It is over when the control group is empty, and the container is then confirmed gone.
// Killing the client of `docker exec` would end nothing.
//
// `docker exec` hands on no descriptor but the usual three: progress lines go through a named pipe.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { UserError } from '../../datasets/userError.ts';
import {
  foldersOf,
  type GroupFolders,
  groupOf,
  processesIn,
  readLimitHits,
  setFrozen,
} from './controlGroup.ts';
import { cpusOfStage, parseCpuList } from './cpuSet.ts';
import { dockerProfile } from './dockerProfile.ts';
import { entryUser } from './entryUser.ts';
import { type KillTimes, killAll, untilGone } from './killing.ts';
import { createPageCache } from './pageCache.ts';
import { countProcessesLeft } from './processesLeft.ts';
import { grantedLimits } from './processLimits.ts';
import { hasFatalSignal, readProcess } from './procfs.ts';
import type { Mount, ProcessSample, RunningStage, Sandbox, StageSpec } from './sandbox.ts';
import { outputInMemory, outputOnDisk, type StageOutput, wallOf } from './stageOutput.ts';
import { type StartedChild, startChild } from './startChild.ts';

/** The image that entries run in where none is named. */
export const defaultImage = 'haet';

const isRoot = process.getuid?.() === 0;
/** Root gives entries a user who owns nothing; any other user can give only what is their own. */
const user = isRoot ? `${entryUser}:${entryUser}` : `${process.getuid?.()}:${process.getgid?.()}`;
/** The container's first process: without a capability, root is just somebody who is not the entry. */
const holderUser = '0:0';
const progressPipe = '/run/haet-progress';
const profile = dockerProfile();
let containersMade = 0;

/**
 * The Docker sandbox, on an engine of this machine.
 * @param image name of an image with the runtime of the entries; run by its content, whatever the name means later
 * @param runtime what the engine runs containers by (`docker run --runtime`), its default where none is named
 * @throws UserError where the engine, the image or the runtime is missing
 */
export async function createDockerSandbox(image = defaultImage, runtime?: string): Promise<Sandbox> {
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
  const base = { image: stdout.trim(), runtime: await knownRuntime(runtime) };
  await probe(base);
  await removeLeftovers();
  // Only root may read the files of an image, or have the whole cache dropped.
  const pageCache = await createPageCache([], 'the image');
  return {
    kind: 'docker',
    fenced: true,
    image: base.image,
    holds: { memory: true, processes: true, cpus: true, output: isRoot, network: true, files: true },
    shows: [],
    pageCache,
    contains: [
      'One container per stage: no network, read-only root, no capabilities; memory without swap, processes and CPUs held by its control group, on as many CPUs as it is given, always the same.',
      profile === null
        ? `System calls are filtered as the engine does it: there is no profile for ${process.arch}.`
        : 'System calls are filtered by the table that bubblewrap has too.',
      isRoot
        ? 'The output folder is a file system in memory with a size and a number of files.'
        : 'The output folder has no quota on disk; it is looked at several times a second.',
      ...(runtime === undefined ? [] : [`Containers are run by ${runtime}.`]),
      pageCache.contains,
    ].join(' '),
    start: (spec) => startStage(spec, base),
  };
}

/** What containers are made of, and by. */
interface Base {
  readonly image: string;
  readonly runtime: string | undefined;
}

/** @throws UserError where the engine does not know the runtime */
async function knownRuntime(runtime: string | undefined): Promise<string | undefined> {
  if (runtime === undefined) return undefined;
  const names = Object.keys(JSON.parse(await docker('info', '--format', '{{json .Runtimes}}')));
  if (names.includes(runtime)) return runtime;
  throw new UserError(
    `--runtime ${runtime}: the Docker engine knows ${names.sort().join(', ')}. Install it and name it in the engine's daemon.json, under "runtimes".`,
  );
}

const probeLimits = {
  cpus: 1,
  memoryBytes: 2 ** 26,
  processes: 16,
  workBytes: 2 ** 20,
  outBytes: 2 ** 20,
  outFiles: 100,
};

/**
 * Starts a container like that of a stage and looks from here at what it wrote and at what holds it: an engine whose
 * users are not ours (rootless, userns-remap), or that may not set limits, would fail entries that did nothing wrong.
 * @throws UserError that says what does not hold
 */
async function probe(base: Base): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), `haet-probe-${process.pid}-`));
  const spec: StageSpec = {
    argv: ['sh', '-c', 'echo written > /out/probe && cat /proc/self/status > /out/status'],
    cwd: '/',
    environment: { PATH: '/usr/local/bin:/usr/bin:/bin', HAET_RUN_ID: 'probe' },
    progress: false,
    mounts: [],
    out: { host: folder, inside: '/out' },
    work: '/work',
    limits: probeLimits,
  };
  try {
    const container = await startContainer(spec, base, null).catch((error) => {
      throw error instanceof UserError ? error : new UserError(`${error.message.split('\n')[0]}.`);
    });
    try {
      const { exitCode, stderr } = await execa('docker', execWords(spec, container.name), { reject: false });
      await container.output.collect();
      const doubts = [
        ...(exitCode === 0 ? [] : [`a stage could not write to its output folder (${stderr.trim()})`]),
        ...doubtsOfOutput(join(folder, 'probe')),
        ...doubtsOfLimits(container.group),
        ...doubtsOfProcess(join(folder, 'status')),
      ];
      if (doubts.length > 0) {
        throw new UserError(
          `the Docker engine cannot run entries: ${doubts.join('; ')}. Use an engine of this machine that runs as root, without userns-remap, and sets limits (see \`docker info\`).`,
        );
      }
      await container.kill();
    } finally {
      await container.remove();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function doubtsOfOutput(file: string): string[] {
  try {
    const { uid } = statSync(file);
    return `${uid}` === user.split(':')[0] && readFileSync(file, 'latin1') === 'written\n'
      ? []
      : [`what a stage writes is user ${uid}'s here, not that of user:group ${user}`];
  } catch {
    return ['what a stage writes to its output folder is not found here'];
  }
}

function doubtsOfLimits({ memory, pids }: GroupFolders): string[] {
  const read = (path: string) => {
    try {
      return readFileSync(path, 'latin1').trim();
    } catch {
      return null;
    }
  };
  const bytes = read(join(memory, 'memory.max')) ?? read(join(memory, 'memory.limit_in_bytes'));
  const processes = read(join(pids, 'pids.max'));
  return [
    ...(bytes === String(probeLimits.memoryBytes) ? [] : [`the limit on memory is not set (${bytes})`]),
    ...(processes === String(probeLimits.processes + 1)
      ? []
      : [`the limit on processes is not set (${processes})`]),
  ];
}

/** What the kernel says of a process inside, as /proc/PID/status has it. */
function doubtsOfProcess(file: string): string[] {
  try {
    const status = readFileSync(file, 'latin1');
    const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)$`, 'm').exec(status)?.[1] ?? 'unknown';
    const cpus = parseCpuList(field('Cpus_allowed_list')).length;
    return [
      ...(field('Seccomp') === '2' ? [] : [`system calls are not filtered (Seccomp: ${field('Seccomp')})`]),
      ...(cpus === 1 ? [] : [`a stage of one CPU may use ${cpus}`]),
    ];
  } catch {
    return []; // that nothing was written is said already
  }
}

/** Removes what evaluators that were killed could not: their containers, and folders of their pipes. */
async function removeLeftovers(): Promise<void> {
  const names = await docker('ps', '--all', '--filter', 'name=^haet-', '--format', '{{.Names}}');
  const stale = names.split('\n').filter((name) => isOfTheDead(/^haet-(\d+)-\d+-/.exec(name)));
  // One that ends by itself just now is no failure.
  if (stale.length > 0) await docker('rm', '--force', ...stale).catch(() => {});
  for (const name of readdirSync(tmpdir())) {
    if (!isOfTheDead(/^haet-(?:progress|probe|profile)-(\d+)-/.exec(name))) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {}); // another user's
  }
}

/** Whether a name holds the id of a process that is no more. */
function isOfTheDead(match: RegExpExecArray | null): boolean {
  if (match === null) return false;
  try {
    process.kill(Number(match[1]), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

async function startStage(spec: StageSpec, base: Base): Promise<RunningStage> {
  const made = new Made();
  let discard = () => {};
  const pipe = spec.progress ? await makePipe() : null;
  if (pipe !== null) made.add(pipe.close);
  try {
    const container = await startContainer(spec, base, pipe);
    made.add(container.remove);
    discard = container.output.discard;
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
      proc: '/proc',
      processes: container.processes,
      output: container.output,
      exited,
      async kill() {
        killed = true;
        const processesKilled = container.processes().length;
        const limitHits = readLimitHits(container.group);
        try {
          const times = await container.kill();
          const processesLeft = countProcessesLeft(
            spec.environment.HAET_RUN_ID,
            processesIn(container.group),
          );
          return { ...times, processesKilled, processesLeft, limitHits };
        } finally {
          await made.undo();
        }
      },
    };
  } catch (error) {
    pipe?.reader.destroy();
    discard();
    await made.undo().catch(() => {});
    throw error;
  }
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
  readonly output: StageOutput;
  processes(): ProcessSample[];
  /** Whether its engine answers and says that it runs. */
  lives(): Promise<boolean>;
  /** Resolves when nothing lives inside. */
  kill(): Promise<KillTimes>;
  /** @throws Error when Docker still knows it after ten seconds */
  remove(): Promise<void>;
}

/** @throws Error where Docker cannot make it, UserError where it is made on another machine; none is left then */
async function startContainer(spec: StageSpec, base: Base, pipe: Pipe | null): Promise<Container> {
  containersMade += 1;
  const name = `haet-${process.pid}-${containersMade}-${spec.environment.HAET_RUN_ID ?? 'run'}`.slice(0, 120);
  const profileFile = writeProfile();
  const words = [...containerWords(spec, name, pipe), ...profileFile.words, ...runtimeWords(base)];
  const holder = spawn('docker', ['run', ...words, base.image, ...holderWords], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const remove = () => removeContainer(name, holder);
  try {
    const refusal = await saidReady(holder).finally(profileFile.remove);
    if (refusal !== null) throw new Error(`docker could not make the container: ${refusal}`);
    const inspected = await docker('inspect', '--format', '{{.State.Pid}} {{.Id}}', name);
    const [pid, id] = inspected.split(' ');
    const init = Number(pid);
    const group = groupOnThisMachine(init, id!);
    spareFromMemoryKills(init);
    return {
      name,
      group,
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
 * The control group of a container, found by the id of its first process.
 * @throws UserError where that process is not here: the engine counts processes on another machine, or in a container
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

/** An entry that uses up its memory is killed for it, and not the holder, where we may say so (proc(5)). */
function spareFromMemoryKills(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '-1000');
  } catch {
    // The holder is the smallest process inside, so the kernel hardly takes it first.
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

/** Whether this user may signal a process; one that is gone needs no signal. */
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
  const limits = grantedLimits().flatMap(([limit, value]) => ['--ulimit', `${limit}=${value}:${value}`]);
  const scratch = (at: string) => ['--tmpfs', `${at}:rw,exec,nosuid,nodev,mode=1777,size=${workBytes}`];
  return [
    ...['--rm', '--interactive', '--name', name, '--hostname', 'haet', '--entrypoint', ''],
    ...['--network', 'none', '--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
    ...['--user', holderUser, '--ipc', 'private', ...limits, '--log-driver', 'none'],
    ...['--memory', String(memoryBytes), '--memory-swap', String(memoryBytes)],
    // One more than the stage's own: the holder.
    ...['--pids-limit', String(processes + 1), '--cpus', String(cpus)],
    ...['--cpuset-cpus', cpusOfStage(cpus).join(',')],
    ...['--shm-size', String(workBytes), ...scratch('/tmp'), ...scratch(spec.work)],
    ...spec.mounts.flatMap((mount) => ['--mount', mountWord(mount)]),
    ...outputWords(spec),
    ...(pipe === null ? [] : ['--mount', mountWord({ host: pipe.path, inside: progressPipe }, 'writable')]),
  ];
}

/** The profile as a file, which the client reads when it makes a container. */
function writeProfile(): { words: string[]; remove(): void } {
  if (profile === null) return { words: [], remove() {} };
  const folder = mkdtempSync(join(tmpdir(), `haet-profile-${process.pid}-`));
  const path = join(folder, 'seccomp.json');
  writeFileSync(path, JSON.stringify(profile));
  return {
    words: ['--security-opt', `seccomp=${path}`],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function runtimeWords({ runtime }: Base): string[] {
  return runtime === undefined ? [] : ['--runtime', runtime];
}

function outputWords({ out, limits }: StageSpec): string[] {
  if (!isRoot) return ['--mount', mountWord(out, 'writable')];
  const { bytes, files } = wallOf(limits);
  return [
    '--tmpfs',
    `${out.inside}:rw,exec,nosuid,nodev,mode=0755,uid=${entryUser},gid=${entryUser},size=${bytes},nr_inodes=${files}`,
  ];
}

function mountWord({ host, inside }: Mount, access: 'readable' | 'writable' = 'readable'): string {
  const path = resolve(host);
  if (/[,"\n]/.test(path)) {
    throw new UserError(`${path}: Docker cannot show a path with a comma or a quote; move it elsewhere.`);
  }
  return `type=bind,src=${path},dst=${inside}${access === 'writable' ? '' : ',readonly'}`;
}

/**
 * Starts the stage inside by `env -i`: what the image sets, and the proxies that the client adds from its
 * configuration, are not of the contract.
 */
function execWords(spec: StageSpec, name: string): string[] {
  const environment = Object.entries(spec.environment).map(([key, value]) => `${key}=${value}`);
  const start = spec.progress ? ['sh', '-c', `exec env -i "$@" 3>${progressPipe}`, 'start'] : ['env', '-i'];
  return ['exec', '--user', user, '--workdir', spec.cwd, name, ...start, ...environment, ...spec.argv];
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
  const folder = await mkdtemp(join(tmpdir(), `haet-progress-${process.pid}-`));
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
