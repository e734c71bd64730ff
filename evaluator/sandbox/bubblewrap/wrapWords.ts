import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { commonDevices, type Gpu } from '../../machine/gpus.ts';
import { becomeEntryUser } from '../entryUser.ts';
import { prlimitWords } from '../linux/processLimits.ts';
import { systemCallFilter } from '../linux/systemCallFilter.ts';
import { hostFiles, hostName, type NameFile, stageUser, userFiles } from '../nameFiles.ts';
import { nodeMounts } from '../runtimeMounts.ts';
import type { Mount, StageSpec } from '../sandbox.ts';
import { wallOf } from '../stageOutput.ts';

export const isRoot = process.getuid?.() === 0;
/** The filter of system calls; null if there is none for this machine. */
export const callFilter = systemCallFilter();
/** Options that name the descriptors by which bwrap is controlled and answers: from 4 on, in this order. */
export const controls = ['--info-fd', '--block-fd', ...(callFilter === null ? [] : ['--seccomp'])];
/** Returns the files that bwrap makes from what it reads from further descriptors, in this order. */
export const madeFiles = ({ work }: StageSpec): NameFile[] => [...userFiles(stageUser, work), ...hostFiles];

/** Returns the words that put the program after them into control groups before it starts. */
export function enterWords(entrances: readonly string[]): string[] {
  if (entrances.length === 0) return [];
  const enter = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"';
  return ['/bin/sh', '-c', enter, 'enter', ...entrances, '--'];
}

/** Returns the words that start a stage in namespaces of its own. */
export function wrapWords(spec: StageSpec, mounts: readonly Mount[]): string[] {
  const { workBytes } = spec.limits;
  const memory = (at: string, bytes: number, mode = '1777') => [
    ...['--perms', mode, '--size', String(bytes), '--tmpfs', at],
  ];
  return [
    'bwrap',
    ...['--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...(isRoot ? ['--cap-drop', 'ALL'] : ['--unshare-user', '--disable-userns']),
    ...(isRoot ? ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP'].flatMap((each) => ['--cap-add', each]) : []),
    ...['--die-with-parent', '--new-session', '--hostname', hostName],
    ...controls.flatMap((word, index) => [word, String(4 + index)]),
    ...systemLinks(),
    ...['--proc', '/proc', '--dev', '/dev'],
    ...gpuWords(spec.gpus ?? []),
    ...['/dev/shm', '/tmp', spec.work].flatMap((at) => memory(at, workBytes)),
    ...[...mounts, ...spec.mounts].flatMap(mountWords),
    ...['--perms', '0755', '--dir', '/etc'],
    ...madeFiles(spec).flatMap(({ path }, index) => [
      ...['--perms', '0644', '--ro-bind-data', String(4 + controls.length + index), path],
    ]),
    ...memory(spec.out.inside, wallOf(spec.limits).bytes, '0755'),
    ...['--remount-ro', '/dev', '--remount-ro', '/', '--chdir', spec.cwd, '--'],
    ...prlimitWords(),
    ...(isRoot ? becomeEntryUser : []),
    ...spec.argv,
  ];
}

/** Makes the folders above a mount too: bwrap would make them for root only. */
function mountWords({ host, inside }: Mount): string[] {
  const above: string[] = [];
  for (let folder = dirname(inside); folder !== '/'; folder = dirname(folder)) above.unshift(folder);
  return [
    ...above.flatMap((folder) => ['--perms', '0755', '--dir', folder]),
    ...['--ro-bind', resolve(host), inside],
  ];
}

/** Shows the devices of GPUs. Not all drivers have all of those that GPUs share. */
function gpuWords(gpus: readonly Gpu[]): string[] {
  if (gpus.length === 0) return [];
  return [
    ...commonDevices.flatMap((device) => ['--dev-bind-try', device, device]),
    ...gpus.flatMap(({ device }) => ['--dev-bind', device, device]),
  ];
}

/** Where libraries for threads look up cores and caches; some fail without. */
const topology = ['/sys/devices/system/cpu', '/sys/devices/system/node'];

/** Lists programs and libraries of this machine, its cores, and the Node that runs us: its file only, not the folder around it. */
export async function systemMounts(): Promise<Mount[]> {
  const wanted = [
    '/usr',
    '/etc/ld.so.cache',
    '/etc/alternatives',
    '/etc/ssl/certs',
    '/etc/ssl/openssl.cnf',
    ...topology,
  ];
  const system = wanted.filter(existsSync).map((path) => ({ host: path, inside: path }));
  return [...system, ...(await nodeMounts())];
}

/** Makes the folders of the root that are links into /usr. */
function systemLinks(): string[] {
  return ['bin', 'sbin', 'lib', 'lib64']
    .filter((name) => existsSync(`/usr/${name}`))
    .flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`]);
}
