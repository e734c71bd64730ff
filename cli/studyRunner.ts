import { statSync } from 'node:fs';
import { UserError } from '../datasets/userError.ts';
import type { Executor } from '../evaluator/grade/executor.ts';
import type { Slot } from '../evaluator/grade/localExecutor.ts';
import { shareGpus } from '../evaluator/grade/shareGpus.ts';
import { requireSeparable, type Shares, shareMachine } from '../evaluator/grade/shareMachine.ts';
import { entryMemoryBytes } from '../evaluator/machine/entryMemory.ts';
import type { RunRecord } from '../evaluator/run/record.ts';
import { createSandbox } from '../evaluator/sandbox/createSandbox.ts';
import { requireNotShown } from '../evaluator/sandbox/requireNotShown.ts';
import type { SandboxKind } from '../evaluator/sandbox/sandbox.ts';
import type { StudySpec } from '../evaluator/study/spec.ts';
import type { ExecutorOptions } from './options/executorOptions.ts';
import type { ContainerOptions } from './options/sandboxOptions.ts';
import { type Say, tell } from './terminal.ts';
import { lockForTiming } from './timedRun.ts';

export interface RunnerOptions extends ExecutorOptions, ContainerOptions {
  readonly out: string;
  readonly cpus?: number;
  readonly memory?: number;
  readonly sandbox: SandboxKind;
}

/** What the runs of a study run on. */
export interface StudyRunner {
  /** CPUs and memory of each run; memory undefined: what the machine has. */
  readonly cpus: number;
  readonly memoryBytes: number | undefined;
  /** Creates the executor, when the out folder is there and locked. */
  open(outFolder: string): Promise<OpenRunner>;
  /** Releases the machine. */
  close(): void;
}

export interface OpenRunner {
  readonly executor: Executor;
  /** Prints lines beside the view of the runs. */
  readonly tell: Say;
  /** Whether runs start when they are asked for. */
  readonly startsAtOnce: boolean;
  /** Called with every run that ended. */
  ended(record: RunRecord): void;
  /** Waits until no task is left that no run needs, and removes the view. @returns the jobs of the cluster that go on */
  end(abort: AbortSignal): Promise<readonly string[]>;
}

/**
 * Prepares this machine for the runs of a study.
 * @throws UserError if it has not what is asked for
 */
export async function runnerHere(
  { budget }: StudySpec,
  entry: string,
  options: RunnerOptions,
  machine: RunRecord['machine'],
): Promise<StudyRunner> {
  entryMemoryBytes(machine, options.memory);
  const shares = sharesOf(options, machine);
  // With another budget than time, a busy machine changes no result.
  const unlock = budget.kind === 'seconds' ? lockForTiming(tell) : () => {};
  const sandbox = await createSandbox(options.sandbox, options);
  requireNotShown(sandbox, { '--out': options.out }, entry);
  const gpus = shareGpus(options.jobs, options.gpus, sandbox.fenced);
  return {
    cpus: shares?.cpus ?? options.cpus ?? machine.cores,
    memoryBytes: shares?.memoryBytes ?? options.memory,
    async open() {
      if (shares !== null && budget.kind === 'seconds') {
        tell(
          `${options.jobs} runs at once share the bandwidth of the memory: each does less in ${budget.trainSeconds} s than it would alone.`,
        );
      }
      const { createLocalExecutor } = await import('../evaluator/grade/localExecutor.ts');
      if (gpus.told !== null) tell(gpus.told);
      const slots = (shares?.cpuSets ?? [null]).map(
        (cpuSet, at): Slot => ({ cpuSet, gpus: gpus.shares[at], track: null }),
      );
      const executor = createLocalExecutor(sandbox, slots);
      return { executor, tell, startsAtOnce: true, ended: () => {}, end: async () => [] };
    },
    close: unlock,
  };
}

/** Returns what each of several runs at once gets; null for one after the other. */
function sharesOf(
  { jobs, cpus, memory, sandbox: kind }: RunnerOptions,
  machine: RunRecord['machine'],
): Shares | null {
  if (jobs === 1) return null;
  requireSeparable(jobs, { kind }, false);
  return shareMachine(jobs, { cpus, memoryBytes: memory }, machine);
}

/**
 * Prepares a Slurm cluster for the runs of a study.
 * @throws UserError if the entry is a folder, which could change while nodes read it, or the terms would depend on the
 *   nodes
 */
export function runnerOnSlurm({ budget }: StudySpec, entry: string, options: RunnerOptions): StudyRunner {
  if (!statSync(entry).isFile()) {
    throw new UserError({
      option: '--entry',
      path: entry,
      reason: 'is a folder, which could change while the nodes read it',
      remedy: 'Give an archive that `haet pack` made.',
    });
  }
  const { cpus, memory } = options;
  if (cpus === undefined || memory === undefined) {
    throw new UserError({
      option: cpus === undefined ? '--cpus' : '--memory',
      reason: 'is missing: nodes may have another number than this machine',
      remedy: 'Say what every run of the study gets.',
    });
  }
  return {
    cpus,
    memoryBytes: memory,
    async open(outFolder) {
      // Loaded here because they are too slow for --help.
      const { slurmExecutorOf } = await import('./slurmGrading.ts');
      const { createSlurmView } = await import('./slurmView.ts');
      const view = createSlurmView(process.stderr, budget.trainSeconds);
      const given = {
        ...{ outFolder, kind: options.sandbox, cpus, memoryBytes: memory },
        ...{ image: null, secrets: [], canary: null },
      };
      const executor = await slurmExecutorOf({ ...options, waitForQuiet: 0 }, given, view);
      return {
        ...{ executor, tell: view.tell, startsAtOnce: false },
        ended: ({ owner }) => view.ended(owner === 'infrastructure'),
        async end(abort) {
          await executor.ended(abort);
          view.stop();
          return executor.left();
        },
      };
    },
    close: () => {},
  };
}
