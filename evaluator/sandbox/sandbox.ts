import type { Readable } from 'node:stream';

/** What a sandbox needs to know to start one stage of an entry. */
export interface StageSpec {
  /** Program and arguments; started without a shell. */
  readonly argv: readonly [string, ...string[]];
  /** Working folder, the entry's own. */
  readonly cwd: string;
  /** The whole environment of the stage; `HAET_RUN_ID` in it marks its processes. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whether file descriptor 3 is opened for progress lines. */
  readonly progress: boolean;
}

/** One live process of a stage. CPU time is user + system since it started, in seconds. */
export interface ProcessSample {
  readonly pid: number;
  /** Clock ticks since boot at which it started: with pid, its identity. */
  readonly startTicks: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

/** How the process that was started ended. `at`: milliseconds of `performance.now()`. */
export interface StageExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly at: number;
}

/** How everything else was ended. Times: milliseconds of `performance.now()`. */
export interface KillReceipt {
  readonly signalledAt: number;
  /** When no process of the stage was left. */
  readonly goneAt: number;
  readonly processesKilled: number;
}

/** A stage under way. Times: milliseconds of `performance.now()`, a monotonic clock. */
export interface RunningStage {
  readonly startedAt: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly progress: Readable | null;
  /** Resolves when the process that was started has ended; others that it started may live on. */
  readonly exited: Promise<StageExit>;
  /** Every live process of the stage. */
  processes(): ProcessSample[];
  /**
   * Kills whatever is left of the stage, wherever it moved to, and resolves when nothing is. Must be called at the
   * end of every stage, once.
   * @throws Error when processes survive; the machine is then unfit for a further run.
   */
  kill(): Promise<KillReceipt>;
}

/** A place to run the stages of an entry in. */
export interface Sandbox {
  readonly kind: 'process' | 'docker' | 'bubblewrap';
  /** What it holds back and what it does not, for the record; one sentence for people. */
  readonly contains: string;
  /**
   * Starts a stage. The clock starts just before the process does.
   * @throws ProgramNotFound when the entry names a program that is not there; any other error is the sandbox's own.
   */
  start(spec: StageSpec): Promise<RunningStage>;
}

/** The entry's argv names a program that is not there or may not be executed: the entry's fault, not the sandbox's. */
export class ProgramNotFound extends Error {
  override readonly name = 'ProgramNotFound';
}
