// Theory of operation
//
// bwrap (bubblewrap) starts each stage in namespaces of its own: files, processes, network, IPC, host name. The stage
// sees /usr of this machine and its mounts, all read-only. Its output folder, its scratch folder, /tmp and /dev/shm are
// file systems in memory with a size; what it left in the first is brought to disk when nothing of it lives any more.
// The network namespace is empty: there is nothing to connect to. A filter refuses system calls that no training needs.
//
// When all that is made, bwrap waits; we then take hold of the output folder, start the clock and let it go on.
//
// As root, bwrap makes the mounts (so that any folder of ours can be shown) and setpriv then becomes a user who owns
// nothing, without capabilities and without a way to gain any. Elsewhere a user namespace does the same with this
// user's own rights.
//
// Memory, processes and CPU time are held by a control group where this user may make one; the record says where not.
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
import { becomeEntryUser, entryUser } from './entryUser.ts';
import { killAll } from './killing.ts';
import { processesInNamespace, processNamespaceOf, readProcess } from './procfs.ts';
import { requireProgram } from './requireProgram.ts';
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
    contains: [
      'Namespaces of its own for files, processes, network (empty), IPC and host name; no capabilities in them.',
      obstacle === null
        ? 'Memory without swap, processes and CPUs are held by a control group.'
        : `Memory, processes and CPUs are NOT held: this user cannot make control groups (${obstacle}).`,
      isRoot
        ? 'The output folder is a file system in memory with a size and a number of files.'
        : 'The output folder is a file system in memory with a size; its files are counted several times a second.',
      callFilter === null
        ? `System calls are NOT filtered: there is no filter for ${process.arch}.`
        : 'System calls that make namespaces, mount, load programs into the kernel or hold keys are refused.',
    ].join(' '),
    start: (spec) => startStage(spec, shared, obstacle === null),
  };
}

async function startStage(
  spec: StageSpec,
  shared: readonly Mount[],
  limited: boolean,
): Promise<RunningStage> {
  const entry = spec.mounts.find((mount) => mount.inside === spec.cwd);
  requireProgram({ ...spec, cwd: entry?.host ?? spec.cwd });
  groupsMade += 1;
  let group: ControlGroup | null = null;
  try {
    if (limited) group = createControlGroup(`haet-${process.pid}-${groupsMade}`, spec.limits);
    const words = [...enterWords(group), ...wrapWords(spec, shared)];
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
      return { ...stage, ...heldStage(stage, init, group), startedAt, output };
    } catch (error) {
      stage.child.kill('SIGKILL');
      await stage.exited.catch(() => {});
      throw error;
    }
  } catch (error) {
    await group?.remove();
    throw error;
  }
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
      await group?.remove();
      return { ...times, processesKilled, limitHits };
    },
  };
}

/** Puts what follows into the control group before it starts. */
function enterWords(group: ControlGroup | null): string[] {
  if (group === null) return [];
  const enter = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"';
  return ['/bin/sh', '-c', enter, 'enter', ...group.entrances, '--'];
}

function wrapWords(spec: StageSpec, shared: readonly Mount[]): string[] {
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
    ...systemMounts(),
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['/dev/shm', '/tmp', spec.work].flatMap((at) => memory(at, workBytes)),
    ...[...shared, ...spec.mounts].flatMap(mountWords),
    ...memory(spec.out.inside, wallOf(spec.limits).bytes, '0755'),
    ...['--remount-ro', '/dev', '--remount-ro', '/', '--chdir', spec.cwd, '--'],
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

/** Programs and libraries of this machine, and the folder of the Node that runs us where that is elsewhere. */
function systemMounts(): string[] {
  const words = ['--ro-bind', '/usr', '/usr'];
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    if (existsSync(`/usr/${name}`)) words.push('--symlink', `usr/${name}`, `/${name}`);
  }
  const wanted = ['/etc/ld.so.cache', '/etc/alternatives', '/etc/ssl/certs', '/etc/ssl/openssl.cnf'];
  const node = dirname(dirname(process.execPath));
  if (!node.startsWith('/usr')) wanted.push(node);
  for (const path of wanted) {
    if (existsSync(path)) words.push(...mountWords({ host: path, inside: path }));
  }
  return words;
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
  for (const parent of ['', 'memory', 'pids', 'cpu', 'freezer'].map((each) => join('/sys/fs/cgroup', each))) {
    for (const name of await readdir(parent).catch(() => [])) {
      const maker = /^haet-(\d+)-\d+$/.exec(name)?.[1];
      if (maker === undefined || existsSync(`/proc/${maker}`)) continue;
      await rmdir(join(parent, name)).catch(() => {});
    }
  }
}
