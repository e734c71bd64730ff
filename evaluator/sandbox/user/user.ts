// Theory of operation
//
// Inside the sealed image there is one container and no way to make another. There the evaluator runs as root, and
// each stage as a user who owns nothing but its output and scratch folders: no capabilities and no way to gain any. The
// container itself is the wall to the outside: its network, memory, processes and CPUs are what `docker run` granted.
//
// That user has no other processes, so what belongs to it is the stage, wherever it moved. Root kills it process by
// process until a look at /proc finds none that was not killed (killing.ts), and waits until /proc shows none at all.
// Only then does anybody open what is withheld.
//
// What would outlive its processes is taken away with them: files in the places that everyone may write to, and shared
// memory, semaphores and message queues, which the kernel keeps. No test image is there for a later stage to find.
import type { ChildProcess } from 'node:child_process';
import { existsSync, lchownSync, readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { execa } from 'execa';
import { UserError } from '../../../datasets/userError.ts';
import { readSystemFile } from '../../machine/machine.ts';
import { becomeEntryUser, entryUser } from '../entryUser.ts';
import { killAll } from '../killing.ts';
import { readLimitHits, readProcessLimit } from '../linux/groupCounters.ts';
import { groupOf } from '../linux/groupFolders.ts';
import { createPageCache } from '../linux/pageCache.ts';
import { prlimitWords } from '../linux/processLimits.ts';
import { readProcess } from '../linux/procfs.ts';
import { countProcessesLeft } from '../processesLeft.ts';
import { requireProgram } from '../requireProgram.ts';
import type { LimitHits, ProcessSample, RunningStage, Sandbox, StageSpec } from '../sandbox.ts';
import { outputOnDisk, wallOf } from '../stageOutput.ts';
import { startChild } from '../startChild.ts';
import { containerHolds } from './containerHolds.ts';
import { memoryBeyond, readGroupMemory } from './stageMemory.ts';
import { removeSystemVIpc } from './systemVIpc.ts';

/** Where POSIX message queues are seen as files. */
const queueFolder = '/dev/mqueue';
/** Places of a usual image that any user may write to; emptied of the entry's files after each stage. */
const sharedScratch = ['/dev/shm', queueFolder, '/tmp', '/var/tmp', '/run/lock'];

/**
 * The sandbox of the sealed image.
 * @throws UserError where the evaluator is not root, or setpriv is missing
 */
export async function createUserSandbox(): Promise<Sandbox> {
  if (process.getuid?.() !== 0) {
    throw new UserError(
      '--sandbox user needs root, to run entries as another user. Use it inside the sealed image.',
    );
  }
  const { exitCode, stderr } = await execa(becomeEntryUser[0]!, [...becomeEntryUser.slice(1), 'true'], {
    reject: false,
  });
  if (exitCode !== 0) {
    throw new UserError(`--sandbox user needs setpriv (package util-linux): ${stderr ?? 'not found'}`);
  }
  if (!mayKillOthers()) {
    throw new UserError(
      '--sandbox user could not stop what it starts: root lacks the capability KILL here. Start the container with --cap-add KILL.',
    );
  }
  if (processesOfUser().length > 0) {
    throw new UserError(`processes of user ${entryUser} are running already; end them first.`);
  }
  const pageCache = await createPageCache(['/']);
  return {
    kind: 'user',
    fenced: false,
    image: null,
    holds: {
      ...containerHolds(readSystemFile, Object.keys(networkInterfaces())),
      processes: true, // see processLimit
      output: false,
      files: false,
    },
    pageCache,
    contains: `Another user without capabilities, with no files but its output and scratch folders, in a container with the network, processes and CPUs that it was started with. Its memory is polled ten times per second, below the limit of the container. The output folder has no quota on disk; it is polled several times per second, and no file in it can exceed the quota. ${pageCache.contains}`,
    start: startStage,
  };
}

/** Whether root may signal another user's processes: bit 5 (CAP_KILL) of the effective capabilities (capabilities(7)). */
function mayKillOthers(): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
  return (BigInt(`0x${mask}`) & (1n << 5n)) !== 0n;
}

async function startStage(spec: StageSpec): Promise<RunningStage> {
  requireProgram(spec);
  for (const folder of [spec.work, spec.out.host]) lchownSync(folder, entryUser, entryUser);
  const hitsBefore = limitHitsNow();
  const group = groupOf('self');
  const memoryBefore = readGroupMemory(group.memory);
  // The evaluator is in the same container: its clock must run however many processes are busy, and where memory runs out
  // the stage is to go first.
  const first = [
    'nice',
    '-n',
    '19',
    'choom',
    '-n',
    '1000',
    '--',
    ...prlimitWords().slice(0, -1),
    ...fileLimits(spec),
    ...processLimit(spec),
    '--',
  ];
  const stage = await startChild([...first, ...becomeEntryUser, ...spec.argv], spec);
  return {
    ...stage,
    output: outputOnDisk(spec.out.host),
    proc: '/proc',
    processes: processesOfUser,
    ...(memoryBefore !== null && {
      memoryBeyond: () =>
        memoryBeyond(spec.limits.memoryBytes, group.memory, memoryBefore, () =>
          processesOfUser().map((each) => each.pid),
        ),
    }),
    async kill() {
      const processesKilled = processesOfUser().length;
      const times = await killAll({ list: () => [...notYetUser(stage.child), ...idsOfUser()] });
      await stage.exited;
      // What a stage made, the next may read and not change; what it left elsewhere, nobody gets.
      await execa('chown', ['-R', '-h', '0:0', spec.out.host]);
      await execa('chmod', ['-R', 'u+rwX,go+rX,go-w', spec.out.host]);
      await removeStrayFiles();
      await removeSystemVIpc();
      const processesLeft = countProcessesLeft(spec.environment.HAET_RUN_ID, idsOfUser());
      const limitHits = difference(limitHitsNow(), hitsBefore);
      return { ...times, processesKilled, processesLeft, limitHits };
    },
  };
}

const idsOfUser = (): number[] => processesOfUser().map(({ pid }) => pid);

/** What was started, as long as it lives: at first it is root's, until setpriv has become the other user. */
function notYetUser({ pid, exitCode, signalCode }: ChildProcess): number[] {
  return pid !== undefined && exitCode === null && signalCode === null ? [pid] : [];
}

/** By the user that the kernel says, not by the owner of the /proc folder: a process can hand that to root. */
function processesOfUser(): ProcessSample[] {
  const found: ProcessSample[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || !isOfUser(name)) continue;
    const facts = readProcess('/proc', name);
    if (facts !== null) found.push(facts);
  }
  return found;
}

function isOfUser(pid: string): boolean {
  try {
    const ids = /^Uid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]?.split(/\s+/);
    return ids?.some((id) => Number(id) === entryUser) ?? false;
  } catch {
    return false; // it ended while we looked
  }
}

/**
 * No file grows beyond what output or scratch folder may hold, however fast it is written. Message queues that cannot be
 * swept, since they are not to be seen, are not to be had.
 */
function fileLimits({ limits }: StageSpec): string[] {
  const largest = Math.max(wallOf(limits).bytes, limits.workBytes);
  return [`--fsize=${largest}`, ...(existsSync(queueFolder) ? [] : ['--msgqueue=0'])];
}

/** A container that limits its processes counts those it refused; a limit of the user's own strikes unseen. */
function processLimit({ limits }: StageSpec): string[] {
  const ofContainer = readProcessLimit(groupOf('self'));
  return ofContainer === null || ofContainer > limits.processes ? [`--nproc=${limits.processes}`] : [];
}

function limitHitsNow(): LimitHits | null {
  return readLimitHits(groupOf('self'));
}

function difference(now: LimitHits | null, before: LimitHits | null): LimitHits | null {
  if (now === null || before === null) return null;
  return {
    outOfMemoryKills: now.outOfMemoryKills - before.outOfMemoryKills,
    memoryUsedUp: now.memoryUsedUp,
    processesRefused: now.processesRefused - before.processesRefused,
    peakMemoryBytes: null, // the evaluator is in the same group
  };
}

/**
 * Removes what the entry's user left in the shared folders. Only folders that this user may write to are searched for its
 * files, and of the others only the subfolders, because a machine's /tmp may hold 100,000 files.
 */
async function removeStrayFiles(): Promise<void> {
  await execa('sh', ['-c', removeScript, 'remove', ...sharedScratch.filter(existsSync)], { reject: false });
}

const owned = `-uid ${entryUser}`;
const removeScript = `
find "$@" -xdev -type d ! ${owned} \\( -perm -o=w -o -gid ${entryUser} -perm -g=w \\) -print0 |
  xargs -0 -r sh -c 'find "$@" -xdev -mindepth 1 -maxdepth 1 ${owned} -exec rm -rf -- {} +' remove`;
