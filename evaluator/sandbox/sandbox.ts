import type { Readable } from 'node:stream';
import type { Gpu } from '../machine/gpus.ts';
import type { Holds } from './holds.ts';
import type { PageCache } from './linux/pageCache.ts';
import type { StageOutput } from './stageOutput.ts';

/** A file or folder of this machine that a stage gets to see. */
export interface Mount {
  readonly host: string;
  /** Where the stage finds it; the same as `host` where files are not fenced. */
  readonly inside: string;
}

/** What a stage may use; a sandbox says in `holds` which of these it holds the stage to. */
export interface StageLimits {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Processes and threads alive at once. */
  readonly processes: number;
  /** Size of the scratch folder. */
  readonly workBytes: number;
  /** What the output folder may hold. */
  readonly outBytes: number;
  readonly outFiles: number;
}

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
  /** What the stage may read. */
  readonly mounts: readonly Mount[];
  /** The one folder that it may write to and that is kept, empty at the start. */
  readonly out: Mount;
  /** The scratch folder, as the stage sees it; fenced stages get an empty one of their own there. */
  readonly work: string;
  readonly limits: StageLimits;
  /** The CPUs that it runs on; where none are given, the sandbox chooses them. */
  readonly cpuSet?: readonly number[];
  /** GPUs whose devices it is shown; where files are not fenced, it sees all. Default: none. */
  readonly gpus?: readonly Gpu[];
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
  /** When no process of the stage could execute an instruction of its own any more: what a deadline counts. */
  readonly stoppedAt: number;
  /** When no process of the stage was left. How long the kernel takes for that is nobody's time. */
  readonly goneAt: number;
  readonly processesKilled: number;
  /** Live processes of the stage that were found after all this, see processesLeft.ts. */
  readonly processesLeft: number;
  /** How often the kernel held the stage to a limit; null where no control group counted for it alone. */
  readonly limitHits: LimitHits | null;
}

/** The control group's own counts of one stage. */
export interface LimitHits {
  /** Processes that were killed for lack of memory, of the stage or of the whole machine. */
  readonly outOfMemoryKills: number;
  /** Whether the stage had used up its own memory. */
  readonly memoryUsedUp: boolean;
  /** New processes and threads that were refused. */
  readonly processesRefused: number;
  /** Most memory that was in use at once, shared pages once; null where the group is not the stage's own or does not say. */
  readonly peakMemoryBytes: number | null;
}

/** A stage under way. Times: milliseconds of `performance.now()`, a monotonic clock. */
export interface RunningStage {
  readonly startedAt: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly progress: Readable | null;
  /** Resolves when the process that was started has ended; others that it started may live on. */
  readonly exited: Promise<StageExit>;
  /**
   * Resolves to the time of that end where it can be seen before `exited` resolves, which may then wait for `kill`.
   */
  readonly ended?: Promise<number>;
  readonly output: StageOutput;
  /** Every live process of the stage. */
  processes(): ProcessSample[];
  /** Where the processes' files lie: the /proc that counts them as `processes` does. */
  readonly proc: string;
  /**
   * What the stage alone holds in memory where that is more than its limit, in bytes; null where it is not. Only where
   * nothing else holds it to that limit and it can be proven.
   */
  memoryBeyond?(): number | null;
  /**
   * Stops and kills whatever is left of the stage, wherever it moved to, and resolves when nothing is. Must be called
   * at the end of every stage, once.
   * @throws Error when processes survive; the machine is then unfit for a further run.
   */
  kill(): Promise<KillReceipt>;
}

export const sandboxKinds = ['process', 'bubblewrap', 'docker', 'user'] as const;
export type SandboxKind = (typeof sandboxKinds)[number];

/** A place to run the stages of an entry in. */
export interface Sandbox {
  readonly kind: SandboxKind;
  /** Whether stages see only their mounts, at the places inside; else they see this machine's files where they lie. */
  readonly fenced: boolean;
  /** The image that stages run in, by content; null where there is none. */
  readonly image: string | null;
  /** What it holds every stage to. */
  readonly holds: Holds;
  /** What it holds back and what it does not, for the record; one sentence for people. */
  readonly contains: string;
  /** What of this machine every stage sees beside its own mounts. Absent where that is all that its user may read. */
  readonly shows?: readonly Mount[];
  /** How the page cache is emptied before each stage. Absent where stages are not fenced off from one another anyway. */
  readonly pageCache?: PageCache;
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
