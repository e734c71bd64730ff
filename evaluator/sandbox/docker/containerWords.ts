import { resolve } from 'node:path';
import type { Gpu } from '../../machine/gpus.ts';
import { entryUser } from '../entryUser.ts';
import { cpusOfStage } from '../linux/cpuSet.ts';
import { grantedLimits } from '../linux/processLimits.ts';
import { hostName, stageUser } from '../nameFiles.ts';
import type { Mount, StageSpec } from '../sandbox.ts';
import { wallOf } from '../stageOutput.ts';
import type { Base } from './engine.ts';

/** Only root may look into a container, and give entries a user who owns nothing. */
export const isRoot = process.getuid?.() === 0;
/** The user of entries; without root, entries can be given only what is this user's own. */
export const user = `${stageUser.uid}:${stageUser.gid}`;
/** The user of the container's first process: without a capability, root is just somebody who is not the entry. */
const holderUser = '0:0';
/** Where a stage finds the pipe for progress lines. */
const progressPipe = '/run/haet-progress';

/** The first process of a container. SIGCHLD is ignored so that orphans do not stay as zombies. */
export const holderWords = ['env', '--ignore-signal=CHLD', 'cat'];

/** Parts of a container that are not in the stage's specification. */
export interface ContainerParts {
  readonly name: string;
  readonly base: Base;
  /** Path of the pipe for progress lines; null if the stage has none. */
  readonly pipe: string | null;
  /** Files with the names of users and groups. */
  readonly names: readonly Mount[];
}

/** Returns what follows `docker run`, up to the image. */
export function containerWords(spec: StageSpec, { name, base, pipe, names }: ContainerParts): string[] {
  const { cpus, memoryBytes, processes, workBytes } = spec.limits;
  const limits = grantedLimits().flatMap(([limit, value]) => ['--ulimit', `${limit}=${value}:${value}`]);
  const scratch = (at: string) => ['--tmpfs', `${at}:rw,exec,nosuid,nodev,mode=1777,size=${workBytes}`];
  return [
    ...['--rm', '--interactive', '--name', name, '--entrypoint', ''],
    ...['--hostname', hostName, '--add-host', `${hostName}:127.0.0.1`],
    ...['--network', 'none', '--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
    ...['--user', holderUser, '--ipc', 'private', ...limits, '--log-driver', 'none'],
    ...['--memory', String(memoryBytes), '--memory-swap', String(memoryBytes)],
    // One more than the stage's own: the holder.
    ...['--pids-limit', String(processes + 1), '--cpus', String(cpus)],
    ...['--cpuset-cpus', (spec.cpuSet ?? cpusOfStage(cpus)).join(',')],
    ...['--shm-size', String(workBytes), ...scratch('/tmp'), ...scratch(spec.work)],
    ...[...spec.mounts, ...names].flatMap((mount) => ['--mount', mountWord(mount)]),
    ...outputWords(spec),
    ...(pipe === null ? [] : ['--mount', mountWord({ host: pipe, inside: progressPipe }, 'writable')]),
    ...gpuWords(spec.gpus ?? []),
    ...(base.runtime === undefined ? [] : ['--runtime', base.runtime]),
  ];
}

/** The value of --gpus is a record of CSV, in which only a quoted field can hold commas. */
function gpuWords(gpus: readonly Gpu[]): string[] {
  return gpus.length === 0 ? [] : ['--gpus', `"device=${gpus.map(({ uuid }) => uuid).join()}"`];
}

function outputWords({ out, limits }: StageSpec): string[] {
  if (!isRoot) return ['--mount', mountWord(out, 'writable')];
  const { bytes, files } = wallOf(limits);
  return [
    '--tmpfs',
    `${out.inside}:rw,exec,nosuid,nodev,mode=0755,uid=${entryUser},gid=${entryUser},size=${bytes},nr_inodes=${files}`,
  ];
}

/** The value of --mount is a record of CSV, in which a quoted field can hold commas. */
function mountWord({ host, inside }: Mount, access: 'readable' | 'writable' = 'readable'): string {
  const source = `"src=${resolve(host).replaceAll('"', '""')}"`;
  return `type=bind,${source},dst=${inside}${access === 'writable' ? '' : ',readonly'}`;
}

/**
 * Returns the arguments of `docker` that start a stage in its container. `env -i` removes the variables that the image sets
 * and the proxies that the client adds, because neither is part of the contract.
 */
export function execWords(spec: StageSpec, name: string): string[] {
  const environment = Object.entries(spec.environment).map(([key, value]) => `${key}=${value}`);
  const start = spec.progress ? ['sh', '-c', `exec env -i "$@" 3>${progressPipe}`, 'start'] : ['env', '-i'];
  return ['exec', '--user', user, '--workdir', spec.cwd, name, ...start, ...environment, ...spec.argv];
}
