// Theory of operation
//
// bwrap (bubblewrap) starts each stage in namespaces of its own: files, processes, network, IPC, host name. The stage
// sees /usr of this machine, the Node that runs us and its mounts, all read-only. Its output folder, its scratch folder,
// /tmp and /dev/shm are file systems in memory with a size; the output is copied to disk when no process of the stage
// is left. The network namespace is empty. A filter refuses system calls that no training needs.
//
// When all this is set up, bwrap waits. We then open the output folder, start the clock and let bwrap continue.
//
// As root, bwrap makes the mounts (so that any of our folders can be mounted), and setpriv then becomes a user who owns
// nothing, without capabilities and without a way to gain any. Without root, a user namespace does the same with this
// user's own rights.
//
// A control group limits memory, processes, CPU time and CPUs, if this user may make one; the record says so if not.
//
// The kill is that of killing.ts: the control group is frozen and killed, and is empty when the stage is gone. Without a
// group the processes are those of the process namespace. Its first process is bwrap's own; when it dies, the kernel
// kills all others and removes it last. If we die, bwrap dies with us.

import { execa } from 'execa';
import { UserError } from '../../../datasets/userError.ts';
import { controlGroupObstacle } from '../linux/controlGroup.ts';
import { canHoldCpus } from '../linux/cpuSet.ts';
import { sweepGroups } from '../linux/groupFolders.ts';
import { createPageCache } from '../linux/pageCache.ts';
import type { Mount, Sandbox } from '../sandbox.ts';
import { startStage } from './startStage.ts';
import { callFilter, isRoot, systemMounts } from './wrapWords.ts';

/**
 * Creates the bubblewrap sandbox.
 * @param shared more files and folders of this machine that stages see, e.g. the runtime that entries are made for
 * @throws UserError if bwrap is missing or does not work on this machine
 */
export async function createBubblewrapSandbox(shared: readonly Mount[] = []): Promise<Sandbox> {
  await requireBubblewrap();
  const obstacle = controlGroupObstacle();
  if (obstacle === null) sweepGroups();
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
