// Theory of operation
//
// bwrap (bubblewrap) starts each stage in namespaces of its own: files, processes, network, IPC, host name. The stage
// sees /usr of this machine, the Node that runs us and its mounts, all read-only. Its output folder, its scratch folder, /tmp and /dev/shm are
// file systems in memory with a size; what it left in the first is brought to disk when nothing of it lives any more.
// The network namespace is empty: there is nothing to connect to. A filter refuses system calls that no training needs.
//
// When all that is made, bwrap waits; we then take hold of the output folder, start the clock and let it go on.
//
// As root, bwrap makes the mounts (so that any folder of ours can be shown) and setpriv then becomes a user who owns
// nothing, without capabilities and without a way to gain any. Elsewhere a user namespace does the same with this
// user's own rights.
//
// Memory, processes, CPU time and CPUs are held by a control group where this user may make one; the record says where
// not.
//
// The kill is that of killing.ts: the control group is frozen and killed, and is empty when all is over. Without a group
// the processes are those of the process namespace. Its first process is bwrap's own; when it dies the kernel kills all
// others and lets it go last. If we die, bwrap dies with us.

import { once } from 'node:events';
import { chownSync, existsSync } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { UserError } from '../../datasets/userError.ts';
import {
  type ControlGroup,
  controlGroupObstacle,
  createControlGroup,
  processesIn,
  readLimitHits,
  setFrozen,
} from './controlGroup.ts';
import { type CpuSet, canHoldCpus, cpusOfStage, createCpuSet } from './cpuSet.ts';
import { becomeEntryUser, entryUser } from './entryUser.ts';
import { killAll } from './killing.ts';
import { createPageCache } from './pageCache.ts';
import { countProcessesLeft } from './processesLeft.ts';
import { prlimitWords } from './processLimits.ts';
import { processesInNamespace, processNamespaceOf, readProcess } from './procfs.ts';
import { requireProgram } from './requireProgram.ts';
import { nodeMounts } from './runtimeMounts.ts';
import type { Mount, RunningStage, Sandbox, StageSpec } from './sandbox.ts';
import { outputInMemory, type StageOutput, wallOf } from './stageOutput.ts';
import { type StartedChild, startChild } from './startChild.ts';
import { systemCallFilter } from './systemCallFilter.ts';

const isRoot = process.getuid?.() === 0;
const callFilter = systemCallFilter();
/** What bwrap is told by, and tells: descriptors from 4 on, in the order of the words. */
const descriptors = ['--info-fd', '--block-fd', ...(callFilter === null ? [] : ['--seccomp'])];
let groupsMade = 0;

/**
 * The bubblewrap sandbox.
 * @param shared further files and folders of this machine that stages see, e.g. the runtime that entries are made for
 * @throws UserError where bwrap is missing or this machine does not let it work
 */
export async function createBubblewrapSandbox(shared: readonly Mount[] = []): Promise<Sandbox> {
  await requireBubblewrap();
  const obstacle = controlGroupObstacle();
  if (obstacle === null) await sweepGroups();
  const holdsCpus = obstacle === null && canHoldCpus();
  const mounts = [...(await systemMounts()), ...shared];
  const pageCache = await createPageCache(mounts.map(({ host }) => host));
  return {
    kind: 'bubblewrap',
    fenced: true,
    image: null,
    holds: {
      memory: obstacle === null,
      processes: obstacle === null,
      cpus: obstacle === null,
      output: isRoot,
      network: true,
      files: true,
    },
    shows: mounts,
    pageCache,
    contains: [
      'Namespaces of its own for files, processes, network (empty), IPC and host name; no capabilities in them.',
      obstacle === null
        ? 'Memory without swap, processes and CPUs are held by a control group.'
        : `Memory, processes and CPUs are NOT held: this user cannot make control groups (${obstacle}).`,
      holdsCpus
        ? 'A stage runs on as many CPUs as it is given, always the same.'
        : 'A stage is started on as many CPUs as it is given, but may move to others.',
      isRoot
        ? 'The output folder is a file system in memory with a size and a number of files.'
        : 'The output folder is a file system in memory with a size; its files are counted several times a second.',
      callFilter === null
        ? `System calls are NOT filtered: there is no filter for ${process.arch}.`
        : 'System calls that make namespaces, mount, load programs into the kernel, hold keys or ask what is in the page cache are refused.',
      pageCache.contains,
    ].join(' '),
    start: (spec) => startStage(spec, mounts, { limited: obstacle === null, holdsCpus }),
  };
}

async function startStage(
  spec: StageSpec,
  mounts: readonly Mount[],
  { limited, holdsCpus }: { limited: boolean; holdsCpus: boolean },
): Promise<RunningStage> {
  const entry = spec.mounts.find((mount) => mount.inside === spec.cwd);
  requireProgram({
    ...spec,
    cwd: entry?.host ?? spec.cwd,
    environment: { PATH: shownPath(spec, mounts) },
  });
  groupsMade += 1;
  const name = `haet-${process.pid}-${groupsMade}`;
  const cpus = cpusOfStage(spec.limits.cpus);
  let group: ControlGroup | null = null;
  let cpuSet: CpuSet | null = null;
  try {
    if (limited) group = createControlGroup(name, spec.limits);
    if (group !== null && holdsCpus) cpuSet = createCpuSet(name, group.folders.cpu, cpus);
    const entrances = [...(group?.entrances ?? []), ...(cpuSet?.entrance ? [cpuSet.entrance] : [])];
    const words = [...enterWords(entrances), 'taskset', '-c', cpus.join(','), ...wrapWords(spec, mounts)];
    const stage = startChild(words, { ...spec, cwd: '/' }, descriptors.length);
    try {
      const [info, gate, filter] = stage.further;
      // Where bwrap ends early, its own words say more than a torn pipe.
      for (const each of stage.further) each.on('error', () => {});
      if (callFilter !== null) filter!.end(callFilter);
      const init = await firstProcess(info!, stage.stderr, stage.exited);
      const output = await madeOutput(init, spec, stage);
      if (isRoot) {
        await giveToEntry(init, spec, output).catch((error) => {
          output.discard();
          throw error;
        });
      }
      const startedAt = performance.now();
      gate!.end('!'); // one byte is read
      return {
        ...stage,
        ...heldStage(stage, init, group, cpuSet, spec.environment.HAET_RUN_ID),
        startedAt,
        output,
      };
    } catch (error) {
      stage.child.kill('SIGKILL');
      await stage.exited.catch(() => {});
      throw error;
    }
  } catch (error) {
    await group?.remove();
    await cpuSet?.remove();
    throw error;
  }
}

/** PATH without the folder of our Node where that shows nothing but Node, and Node is not what is asked for. */
function shownPath({ argv, environment }: StageSpec, mounts: readonly Mount[]): string {
  const { PATH = '' } = environment;
  const isAlone = mounts.some(({ host }) => host === process.execPath);
  if (!isAlone || argv[0] === 'node') return PATH;
  return PATH.split(':')
    .filter((folder) => folder !== dirname(process.execPath))
    .join(':');
}

/** Takes hold of the output folder when bwrap has made it: its mounts come before its wait at the gate. */
async function madeOutput(init: number, spec: StageSpec, stage: StartedChild): Promise<StageOutput> {
  const giveUpAt = performance.now() + 10_000;
  for (;;) {
    try {
      return outputInMemory(init, spec.out, wallOf(spec.limits).bytes);
    } catch (error) {
      if (stage.child.exitCode !== null || stage.child.signalCode !== null)
        throw new Error(complaint(stage.stderr));
      if (performance.now() > giveUpAt) throw error;
    }
    await sleep(1);
  }
}

/** Makes the output folder the entry's own and sets what bwrap has no word for: the number of its files. */
async function giveToEntry(init: number, { out, limits }: StageSpec, output: StageOutput): Promise<void> {
  chownSync(output.path, entryUser, entryUser);
  await execa('nsenter', [
    ...['--target', String(init), '--mount', 'mount', '--internal-only', '--no-mtab', '--types', 'tmpfs'],
    ...['--options', `remount,nr_inodes=${wallOf(limits).files}`, 'tmpfs', out.inside],
  ]);
}

function heldStage(
  stage: StartedChild,
  init: number,
  group: ControlGroup | null,
  cpuSet: CpuSet | null,
  runId: string | undefined,
): Pick<RunningStage, 'proc' | 'processes' | 'kill'> {
  const ours = [stage.child.pid, init];
  const namespace = processNamespaceOf(init);
  const processes = () =>
    (group === null ? processesInNamespace(namespace) : processesIn(group.folders))
      .filter((pid) => !ours.includes(pid))
      .flatMap((pid) => readProcess('/proc', pid) ?? []);
  return {
    proc: '/proc',
    processes,
    async kill() {
      const processesKilled = processes().length;
      const limitHits = group === null ? null : readLimitHits(group.folders);
      const times = await killAll(
        group === null
          ? { list: () => processesInNamespace(namespace), isGone: () => readProcess('/proc', init) === null }
          : {
              list: () => processesIn(group.folders),
              setFrozen: (frozen) => setFrozen(group.folders, frozen),
            },
      );
      stage.child.kill('SIGKILL');
      await stage.exited;
      const held = group === null ? [] : processesIn(group.folders);
      const processesLeft = countProcessesLeft(runId, [...held, ...processesInNamespace(namespace)]);
      await group?.remove();
      await cpuSet?.remove();
      return { ...times, processesKilled, processesLeft, limitHits };
    },
  };
}

/** Puts what follows into control groups before it starts. */
function enterWords(entrances: readonly string[]): string[] {
  if (entrances.length === 0) return [];
  const enter = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"';
  return ['/bin/sh', '-c', enter, 'enter', ...entrances, '--'];
}

function wrapWords(spec: StageSpec, mounts: readonly Mount[]): string[] {
  const { workBytes } = spec.limits;
  const memory = (at: string, bytes: number, mode = '1777') => [
    ...['--perms', mode, '--size', String(bytes), '--tmpfs', at],
  ];
  return [
    'bwrap',
    ...['--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...(isRoot ? ['--cap-drop', 'ALL'] : ['--unshare-user', '--disable-userns']),
    ...(isRoot ? ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP'].flatMap((each) => ['--cap-add', each]) : []),
    ...['--die-with-parent', '--new-session', '--hostname', 'haet'],
    ...descriptors.flatMap((word, index) => [word, String(4 + index)]),
    ...systemLinks(),
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['/dev/shm', '/tmp', spec.work].flatMap((at) => memory(at, workBytes)),
    ...[...mounts, ...spec.mounts].flatMap(mountWords),
    ...memory(spec.out.inside, wallOf(spec.limits).bytes, '0755'),
    ...['--remount-ro', '/dev', '--remount-ro', '/', '--chdir', spec.cwd, '--'],
    ...prlimitWords(),
    ...(isRoot ? becomeEntryUser : []),
    ...spec.argv,
  ];
}

/** bwrap would make the folders above a mount for root alone. */
function mountWords({ host, inside }: Mount): string[] {
  const above: string[] = [];
  for (let folder = dirname(inside); folder !== '/'; folder = dirname(folder)) above.unshift(folder);
  return [
    ...above.flatMap((folder) => ['--perms', '0755', '--dir', folder]),
    ...['--ro-bind', resolve(host), inside],
  ];
}

/** Programs and libraries of this machine, and the Node that runs us: the file alone, for what lies about it is not ours. */
async function systemMounts(): Promise<Mount[]> {
  const wanted = ['/usr', '/etc/ld.so.cache', '/etc/alternatives', '/etc/ssl/certs', '/etc/ssl/openssl.cnf'];
  const system = wanted.filter(existsSync).map((path) => ({ host: path, inside: path }));
  return [...system, ...(await nodeMounts())];
}

/** Folders of the root that are links into /usr. */
function systemLinks(): string[] {
  return ['bin', 'sbin', 'lib', 'lib64']
    .filter((name) => existsSync(`/usr/${name}`))
    .flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`]);
}

/** The first process of the namespace, as this machine counts; bwrap says so when it has made it. */
async function firstProcess(info: Readable, stderr: Readable, exited: Promise<unknown>): Promise<number> {
  let text = '';
  info.on('data', (chunk) => {
    text += chunk;
  });
  await Promise.race([once(info, 'close'), exited]);
  const pid = /"child-pid": (\d+)/.exec(text)?.[1];
  if (pid === undefined) {
    throw new Error(complaint(stderr));
  }
  return Number(pid);
}

function complaint(stderr: Readable): string {
  return `bwrap could not make the sandbox: ${String(stderr.read() ?? 'it does not say why').trim()}`;
}

async function requireBubblewrap(): Promise<void> {
  const remedy = 'Install it (Debian: apt-get install bubblewrap), or use --sandbox docker or process.';
  const { exitCode, stderr } = await execa(
    'bwrap',
    [...(isRoot ? [] : ['--unshare-user']), '--unshare-pid', '--unshare-net', '--ro-bind', '/', '/', 'true'],
    { reject: false },
  );
  if (exitCode === undefined)
    throw new UserError(`--sandbox bubblewrap needs bwrap, which is not on PATH. ${remedy}`);
  if (exitCode !== 0) throw new UserError(`bwrap does not work on this machine: ${stderr.trim()}. ${remedy}`);
}

/** Removes the groups of evaluators that were killed; a group with a process in it stays, the kernel sees to that. */
async function sweepGroups(): Promise<void> {
  for (const parent of ['', 'memory', 'pids', 'cpu', 'freezer', 'cpuset'].map((each) =>
    join('/sys/fs/cgroup', each),
  )) {
    for (const name of await readdir(parent).catch(() => [])) {
      const maker = /^haet-(\d+)-\d+$/.exec(name)?.[1];
      if (maker === undefined || existsSync(`/proc/${maker}`)) continue;
      await rmdir(join(parent, name)).catch(() => {});
    }
  }
}
