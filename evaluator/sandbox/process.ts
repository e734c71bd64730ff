// Theory of operation
//
// A stage runs as ordinary processes of this machine and of this user. What must hold is that at the deadline all of
// it ends, however it moved, and that it never outlives the evaluator.
//
// Where the machine allows it, each stage gets a process namespace (namespace.ts). Its first process is ours and
// outlives whatever the entry does; the entry is started inside by `nsenter`, which stays outside, waits, and ends the
// way the entry ended, so that we see its true exit status or signal. When the first process is killed the kernel
// kills every process of the namespace, whatever group, session or environment it gave itself, and lets the first
// process go only when the others are gone: one signal and one wait are the whole kill, and there is no race to lose.
// The first process reads a pipe that only we hold: if we are killed, it ends, and all the rest with it.
//
// Elsewhere (tree.ts) the entry leads a session of its own and its processes are looked for in /proc, by descent, by
// session and by a mark in their environment, and killed until none is found. A guard process, waiting on a pipe that
// only we hold, does the same if we are killed. A process that forks twice, takes a new session and cleans its
// environment escapes this; the record says which of the two ways a run went.
//
// Either way the entry is in another process group than ours, so that Ctrl-C at the terminal reaches us alone.
// Nothing else is held back: files, network and memory are those of this user.
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { createNamespace, type NamespaceFlags, namespaceFlags } from './namespace.ts';
import { listProcesses } from './procfs.ts';
import {
  ProgramNotFound,
  type RunningStage,
  type Sandbox,
  type StageExit,
  type StageSpec,
} from './sandbox.ts';
import { findTree, guardScript, killTree } from './tree.ts';

/** How the processes of a stage are held together; `auto` takes the namespace where the machine allows one. */
export type Isolation = 'auto' | 'namespace' | 'tree';

/**
 * The process sandbox.
 * @throws Error when `namespace` is asked for and the machine does not allow one
 */
export async function createProcessSandbox(isolation: Isolation = 'auto'): Promise<Sandbox> {
  const flags = isolation === 'tree' ? null : await namespaceFlags();
  if (isolation === 'namespace' && flags === null)
    throw new Error('this machine allows no process namespace');
  const kill =
    flags === null
      ? 'Processes are found by descent, session and environment and killed at the deadline; one that hides from all three may escape.'
      : 'All processes are in one namespace and killed at the deadline.';
  return {
    kind: 'process',
    contains: `${kill} Files, network, CPUs and memory are not fenced: run only entries that you trust.`,
    start: async (spec) => {
      requireProgram(spec);
      return flags === null ? startInTree(spec) : startInNamespace(spec, flags);
    },
  };
}

async function startInNamespace(spec: StageSpec, flags: NamespaceFlags): Promise<RunningStage> {
  // Tried twice: a Ctrl-C at the terminal strikes whatever of ours has not yet left its process group.
  const namespace = await createNamespace(flags).catch(() => createNamespace(flags));
  const processes = () => listProcesses(namespace.proc).filter((each) => each.pid !== 1);
  const stage = startChild(namespace.enter(spec), spec);
  return {
    ...stage,
    processes,
    async kill() {
      const processesKilled = processes().length;
      const signalledAt = performance.now();
      await namespace.destroy();
      await stage.exited;
      return { signalledAt, goneAt: performance.now(), processesKilled };
    },
  };
}

async function startInTree(spec: StageSpec): Promise<RunningStage> {
  const stage = startChild(spec.argv, spec);
  if (stage.child.pid === undefined)
    throw new ProgramNotFound(String(await stage.exited.catch((error) => error)));
  const mark = { root: stage.child.pid, runId: spec.environment.HAET_RUN_ID ?? '' };
  const guard = spawn('sh', ['-c', guardScript, 'guard', mark.runId, String(mark.root)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { PATH: process.env.PATH },
  });
  guard.stdin.on('error', () => {});
  return {
    ...stage,
    processes: () => findTree(mark),
    async kill() {
      const signalledAt = performance.now();
      const processesKilled = await killTree(mark);
      await stage.exited;
      const goneAt = performance.now();
      guard.kill('SIGKILL');
      return { signalledAt, goneAt, processesKilled };
    },
  };
}

interface StartedChild extends Pick<RunningStage, 'startedAt' | 'stdout' | 'stderr' | 'progress' | 'exited'> {
  readonly child: ChildProcess;
}

function startChild(argv: readonly string[], spec: StageSpec): StartedChild {
  const startedAt = performance.now();
  const child = spawn(argv[0]!, argv.slice(1), {
    cwd: spec.cwd,
    env: { ...spec.environment },
    stdio: ['ignore', 'pipe', 'pipe', spec.progress ? 'pipe' : 'ignore'],
    detached: true,
  });
  const exited = new Promise<StageExit>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal, at: performance.now() }));
  });
  return {
    child,
    startedAt,
    stdout: child.stdout!,
    stderr: child.stderr!,
    progress: (child.stdio[3] as Readable | null) ?? null,
    exited,
  };
}

/** The wrapped start would report a missing program only as an exit status, which an entry can forge. */
function requireProgram(spec: StageSpec): void {
  const program = spec.argv[0];
  const candidates = program.includes('/')
    ? [isAbsolute(program) ? program : resolve(spec.cwd, program)]
    : (spec.environment.PATH ?? '').split(':').map((folder) => join(folder, program));
  if (candidates.some(isProgram)) return;
  throw new ProgramNotFound(
    program.includes('/')
      ? `no executable file ${program} in the entry`
      : `no program ${program} on PATH (${spec.environment.PATH})`,
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
