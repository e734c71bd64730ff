// Theory of operation
//
// A stage runs as ordinary processes of this machine and this user. All of them must end at the deadline, whatever
// session or group they moved to, and none may outlive the evaluator.
//
// If the machine allows it, each stage gets a process namespace (namespace.ts). Its first process is ours and outlives
// whatever the entry does. `nsenter` starts the entry inside; it stays outside, waits, and exits the way the entry did,
// so we see the true exit status or signal. When the first process is killed, the kernel kills every process of the
// namespace, whatever its group, session or environment, and removes the first process only when the others are gone:
// one signal and one wait are the whole kill, without a race. The first process reads a pipe that only we hold: if we
// are killed, it exits, and all others with it.
//
// Otherwise (tree.ts) the entry leads a session of its own. Its processes are searched for in /proc by descent, session
// and a mark in their environment, and killed until none is found. A guard process, waiting on a pipe that only we hold,
// does the same if we are killed. A process that forks twice, takes a new session and cleans its environment escapes
// this; the record says which of the two ways was used.
//
// In a namespace the entry's folder, the Track and the model are read-only, as in the other sandboxes, so that an entry that
// writes into them by mistake fails in all of them. A process of root can undo that.
//
// In both cases the entry is in another process group than ours, so Ctrl-C at the terminal reaches only us. Nothing else
// is restricted: other files, network and memory are those of this user.
import { spawn } from 'node:child_process';
import { quoteUntrusted } from '../../../datasets/quoteUntrusted.ts';
import { nothingHeld } from '../holds.ts';
import { listProcesses } from '../linux/procfs.ts';
import { countProcessesLeft } from '../processesLeft.ts';
import { requireProgram } from '../requireProgram.ts';
import { ProgramNotFound, type RunningStage, type Sandbox, type StageSpec } from '../sandbox.ts';
import { outputOnDisk } from '../stageOutput.ts';
import { startChild } from '../startChild.ts';
import { createNamespace, type NamespaceFlags, namespaceFlags } from './namespace.ts';
import { findTree, guardScript, killTree } from './tree.ts';

/** How the processes of a stage are held together; `auto` uses a namespace if the machine allows one. */
export type Isolation = 'auto' | 'namespace' | 'tree';

/**
 * Creates the process sandbox.
 * @throws Error if `namespace` is requested and the machine does not allow one
 */
export async function createProcessSandbox(isolation: Isolation = 'auto'): Promise<Sandbox> {
  const flags = isolation === 'tree' ? null : await namespaceFlags();
  if (isolation === 'namespace' && flags === null)
    throw new Error('this machine allows no process namespace');
  const kill =
    flags === null
      ? 'Processes are found by descent, session and environment and killed at the deadline; one that hides from all three may escape.'
      : 'All processes are in one namespace and killed at the deadline.';
  const given =
    flags === null || flags.mounts === null
      ? "The entry's folder, the Track and the model are writable, unlike in other sandboxes."
      : "The entry's folder, the Track and the model are read-only.";
  return {
    kind: 'process',
    fenced: false,
    image: null,
    holds: nothingHeld,
    contains: `${kill} ${given} Other files, network, CPUs and memory are not fenced: run only entries that you trust.`,
    start: async (spec) => {
      requireProgram(spec);
      const pinned = onOwnCpus(spec);
      return flags === null ? startInTree(pinned) : startInNamespace(pinned, flags);
    },
  };
}

/** Starts a stage on its CPUs, if it has some of its own; it may leave them. */
function onOwnCpus(spec: StageSpec): StageSpec {
  return spec.cpuSet === undefined
    ? spec
    : { ...spec, argv: ['taskset', '-c', spec.cpuSet.join(','), ...spec.argv] };
}

async function startInNamespace(spec: StageSpec, flags: NamespaceFlags): Promise<RunningStage> {
  // Tried twice: Ctrl-C at the terminal also kills a child that has not yet left our process group.
  const paths = [...new Set([spec.cwd, ...spec.mounts.map(({ host }) => host)])];
  const create = () => createNamespace(flags, { paths, except: [spec.out.host, spec.work] });
  const namespace = await create().catch(create);
  const processes = () => listProcesses(namespace.proc).filter((each) => each.pid !== 1);
  const stage = await startChild(namespace.enter(spec), spec).catch(async (error) => {
    await namespace.destroy();
    namespace.release();
    throw error;
  });
  return {
    ...stage,
    output: outputOnDisk(spec.out.host),
    proc: namespace.proc,
    processes,
    async kill() {
      const processesKilled = processes().length;
      const times = await namespace.destroy();
      await stage.exited;
      const processesLeft = countProcessesLeft(spec.environment.HAET_RUN_ID, namespace.list());
      namespace.release();
      return { ...times, processesKilled, processesLeft, limitHits: null };
    },
  };
}

async function startInTree(spec: StageSpec): Promise<RunningStage> {
  const stage = await startChild(spec.argv, spec);
  if (stage.child.pid === undefined) {
    const why = await stage.exited.then(
      () => null,
      (error: NodeJS.ErrnoException) => error.code,
    );
    throw new ProgramNotFound(`no program ${quoteUntrusted(spec.argv[0])} that can be executed (${why})`);
  }
  const mark = { root: stage.child.pid, runId: spec.environment.HAET_RUN_ID ?? '' };
  const guard = spawn('sh', ['-c', guardScript, 'guard', mark.runId, String(mark.root)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { PATH: process.env.PATH },
  });
  guard.stdin.on('error', () => {});
  return {
    ...stage,
    output: outputOnDisk(spec.out.host),
    proc: '/proc',
    processes: () => findTree(mark),
    async kill() {
      const { processesKilled, ...times } = await killTree(mark);
      await stage.exited;
      guard.kill('SIGKILL');
      const processesLeft = countProcessesLeft(
        mark.runId,
        findTree(mark).map(({ pid }) => pid),
      );
      return { ...times, processesKilled, processesLeft, limitHits: null };
    },
  };
}
