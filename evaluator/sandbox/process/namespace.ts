import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type KillTimes, killAll } from '../killing.ts';
import { holdProcessNamespace } from '../linux/procfs.ts';
import type { StageSpec } from '../sandbox.ts';

/** The flags by which this machine lets us make a namespace. */
export interface NamespaceFlags {
  readonly unshare: readonly string[];
  readonly nsenter: readonly string[];
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

const variants: readonly NamespaceFlags[] = [
  { unshare: ['--mount-proc'], nsenter: ['--mount'] },
  // A user without privileges has them inside a user namespace.
  {
    unshare: ['--user', '--map-current-user', '--mount-proc'],
    nsenter: ['--user', '--preserve-credentials', '--mount'],
  },
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
      const namespace = await createNamespace(flags);
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
 * @throws Error if the machine refuses
 */
export async function createNamespace(flags: NamespaceFlags): Promise<Namespace> {
  const holder = spawn(
    'unshare',
    ['--pid', '--fork', '--kill-child', ...flags.unshare, '--', 'env', '--ignore-signal=CHLD', 'cat'],
    { stdio: ['pipe', 'pipe', 'ignore'], detached: true },
  );
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
