import { readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { UserError } from '../../../datasets/userError.ts';
import { parseCpuList } from '../linux/cpuList.ts';
import type { GroupFolders } from '../linux/groupFolders.ts';
import type { UserNames } from '../nameFiles.ts';
import { makeOwnFolder } from '../ownNames.ts';
import type { StageSpec } from '../sandbox.ts';
import { startContainer } from './container.ts';
import { execWords, user } from './containerWords.ts';
import type { Base } from './engine.ts';

const probeLimits = {
  cpus: 1,
  memoryBytes: 2 ** 26,
  processes: 16,
  workBytes: 2 ** 20,
  outBytes: 2 ** 20,
  outFiles: 100,
};

/**
 * Starts a container like that of a stage and checks from outside what it wrote and what holds it. An engine that maps
 * users (rootless, userns-remap) or may not set limits would fail entries that did nothing wrong.
 * @returns the names of users and groups of the image
 * @throws UserError that says what does not hold
 */
export async function probeEngine(base: Base): Promise<UserNames> {
  const folder = await makeOwnFolder('probe');
  const spec: StageSpec = {
    argv: [
      ...(['sh', '-c'] as const),
      'echo written > /out/probe && cat /proc/self/status > /out/status || exit 1; for name in passwd group; do cat /etc/$name > /out/$name; done; true',
    ],
    cwd: '/',
    environment: { PATH: '/usr/local/bin:/usr/bin:/bin', HAET_RUN_ID: 'probe' },
    progress: false,
    mounts: [],
    out: { host: folder, inside: '/out' },
    work: '/work',
    limits: probeLimits,
  };
  try {
    const container = await startContainer(spec, base, { pipe: null, names: [] }).catch((error) => {
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
      return { passwd: textOf(join(folder, 'passwd')), group: textOf(join(folder, 'group')) };
    } finally {
      await container.remove();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Returns the content of a file of the image; empty if it has none. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
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

/** Checks /proc/PID/status of a process inside. */
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
    return []; // that nothing was written is reported already
  }
}
