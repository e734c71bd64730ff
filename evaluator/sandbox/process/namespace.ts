import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { projectFolder } from '../../machine/version.ts';
import { type KillTimes, killAll } from '../killing.ts';
import { holdProcessNamespace } from '../linux/procfs.ts';
import type { StageSpec } from '../sandbox.ts';

/** The flags by which this machine lets us make a namespace. */
export interface NamespaceFlags {
  /** Of the mount namespace in which places are made read-only; null if this machine allows no mount in it. */
  readonly mounts: readonly string[] | null;
  /** Of the process namespace. */
  readonly unshare: readonly string[];
  readonly nsenter: readonly string[];
}

/** What is read-only inside a namespace. */
export interface ReadOnlyPlaces {
  /** Files and folders. */
  readonly paths: readonly string[];
  /** Folders that stay writable, also if they are below one of these. */
  readonly except: readonly string[];
}

/** A live process namespace that holds only its first process. */
export interface Namespace {
  /** Id of the first process on this machine. */
  readonly init: number;
  /** The proc file system that shows only the processes of the namespace. */
  readonly proc: string;
  /** Words to put before a command so that it starts inside. */
  enter(spec: StageSpec): string[];
  /** Ids of the live processes inside, as this machine counts them; also when its first process is gone. */
  list(): number[];
  /** Kills everything inside and resolves when it is gone. */
  destroy(): Promise<KillTimes>;
  /** Gives up the kernel's name of the namespace; nothing can be listed any more. */
  release(): void;
}

const privileged = { unshare: ['--mount-proc'], nsenter: ['--mount'] };
/** A user without privileges has them inside a user namespace, and is root in that of the mounts. */
const unprivileged = {
  unshare: [
    ...['--user', `--map-user=${process.getuid?.() ?? 0}`, `--map-group=${process.getgid?.() ?? 0}`],
    '--mount-proc',
  ],
  nsenter: ['--user', '--preserve-credentials', '--mount'],
};
const variants: readonly NamespaceFlags[] = [
  { ...privileged, mounts: ['--mount'] },
  { ...unprivileged, mounts: ['--user', '--map-root-user', '--mount'] },
  { ...privileged, mounts: null },
  { ...unprivileged, mounts: null },
];

let probed: Promise<NamespaceFlags | null> | undefined;

/** Finds out once how a process namespace can be made on this machine; null if it cannot. */
export function namespaceFlags(): Promise<NamespaceFlags | null> {
  probed ??= probe();
  return probed;
}

async function probe(): Promise<NamespaceFlags | null> {
  for (const flags of variants) {
    try {
      const namespace = await createNamespace(flags, { paths: [projectFolder], except: [] });
      const inside = spawn('nsenter', [...enterWords(flags, namespace.init), 'env', '--chdir=/', 'true'], {
        stdio: 'ignore',
      });
      const code = await new Promise((resolve) => inside.once('error', resolve).once('exit', resolve));
      await namespace.destroy();
      namespace.release();
      if (code === 0) return flags;
    } catch {
      // this variant does not work here
    }
  }
  return null;
}

const enterWords = (flags: NamespaceFlags, init: number): string[] => [
  '--target',
  String(init),
  '--pid',
  ...flags.nsenter,
  '--',
];

/**
 * Makes a process namespace. Its first process is a `cat` on a pipe that only we hold: when we die, in whatever way, it
 * reads the end of the pipe and exits, and the kernel kills the rest of the namespace. SIGCHLD is ignored so that orphans
 * do not stay as zombies.
 * @param readOnly stays writable if the machine allows no mounts
 * @throws Error if the machine refuses
 */
export async function createNamespace(flags: NamespaceFlags, readOnly?: ReadOnlyPlaces): Promise<Namespace> {
  const [program, ...words] = [
    ...(flags.mounts === null || readOnly === undefined ? [] : readOnlyWords(flags.mounts, readOnly)),
    ...['unshare', '--pid', '--fork', '--kill-child', ...flags.unshare, '--'],
    ...['env', '--ignore-signal=CHLD', 'cat'],
  ];
  const holder = spawn(program!, words, { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
  const gone = new Promise<void>((resolve) => holder.once('exit', () => resolve()));
  await echoed(holder, gone);
  const init = onlyChild(holder.pid!);
  const namespace = holdProcessNamespace(init);
  return {
    init,
    proc: `/proc/${init}/root/proc`,
    // Without a session of its own the entry would share nsenter's process group, and `kill 0` would end nsenter.
    enter: (spec) => [
      'nsenter',
      ...enterWords(flags, init),
      'setsid',
      'env',
      `--chdir=${spec.cwd}`,
      '--',
      ...spec.argv,
    ],
    list: namespace.list,
    release: namespace.release,
    async destroy() {
      const hasEnded = () => holder.exitCode !== null || holder.signalCode !== null;
      // Its parent ends when the first process has, which the kernel lets go when all others are gone.
      return killAll({ list: () => (hasEnded() ? [] : namespace.list()), isGone: hasEnded });
    },
  };
}

/** Returns words that make places read-only for the command after them. */
function readOnlyWords(flags: readonly string[], { paths, except }: ReadOnlyPlaces): string[] {
  const script = ['sh', '-c', readOnlyScript, 'mounts'];
  return ['unshare', ...flags, '--', ...script, ...except, '--', ...paths, '--'];
}

/** A folder that is mounted first stays writable: only the mount of what is above it is read-only. */
const readOnlyScript = `
while [ "$1" != -- ]; do mount --bind "$1" "$1" || exit; shift; done; shift
while [ "$1" != -- ]; do mount --rbind "$1" "$1" && mount -o remount,bind,ro "$1" || exit; shift; done; shift
exec "$@"`;

/** Resolves when `cat` has sent a line back: the namespace is then complete. */
async function echoed(holder: ChildProcess, gone: Promise<void>): Promise<void> {
  holder.stdin!.on('error', () => {});
  const failed = new Promise<never>((_, reject) => {
    holder.once('error', reject);
    void gone.then(() => reject(new Error('unshare could not make a process namespace')));
  });
  holder.stdin!.write('ready\n');
  await Promise.race([once(holder.stdout!, 'data'), failed]);
}

function onlyChild(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim());
}
