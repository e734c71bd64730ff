import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { describeOwnFault } from '../../datasets/describeFault.ts';
import { describeIssues } from '../../datasets/describeJson.ts';
import { UserError } from '../../datasets/userError.ts';
import { type Limits, limitsSchema } from '../contract.ts';
import { type ArchiveLimits, archiveLimitsSchema } from '../intake/limits.ts';
import { entryMemoryBytes } from '../machine/entryMemory.ts';
import { gpusOfRun } from '../machine/gpus.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { type RunRecord, runRecordSchema } from './record.ts';
import type { RunHooks, RunPlan } from './runPlan.ts';
import { openWithheld, type Withheld } from './withheld.ts';

/** The plan of a run with every default filled in. */
export interface SettledRun {
  readonly plan: RunPlan;
  readonly sandbox: Sandbox;
  readonly hooks: RunHooks;
  readonly abort: AbortSignal;
  /** Ends the train stage: an interrupt or an abort. */
  readonly interrupt: AbortSignal;
  readonly startedAt: string;
  readonly attempt: number;
  readonly limits: Limits;
  /** The limits in the record. */
  readonly recordedLimits: RunRecord['limits'];
  readonly gpus: RunRecord['gpus'];
  readonly archiveLimits: ArchiveLimits;
  readonly withheld: Withheld;
  /** Folder in which an archive is unpacked until the run has its own folder. */
  readonly unpacked: string;
}

const never = new AbortController().signal;

const { seed, attempt, limits } = runRecordSchema.shape;
/** The numbers of a plan. */
const numbersSchema = z.object({
  seed,
  attempt: attempt.default(1),
  limits: limitsSchema.prefault({}),
  cpus: limits.shape.cpus.optional(),
  memoryBytes: limits.shape.memoryBytes.optional(),
  intake: archiveLimitsSchema.prefault({}),
});

/**
 * Fills in the defaults of a plan.
 * @throws UserError if a number is out of its range, or the Track is sealed and its withheld half was not opened or
 *   predict is to run once only
 */
export function settleRun(plan: RunPlan, sandbox: Sandbox, hooks: RunHooks): SettledRun {
  const abort = hooks.abort ?? never;
  const parsed = numbersSchema.safeParse(plan);
  if (!parsed.success) throw new UserError(`the plan of the run: ${describeIssues(parsed.error)}`);
  const { attempt, limits, intake } = parsed.data;
  const { trainSeconds, predictSeconds, processes } = limits;
  if (plan.predictOnce && 'sealed' in plan.track.info) {
    throw new UserError(`${plan.track.dir} is sealed: predict must run twice`);
  }
  // Stages are started in another folder.
  const track = { ...plan.track, dir: resolve(plan.track.dir) };
  return {
    plan: { ...plan, track },
    sandbox,
    hooks,
    abort,
    interrupt: AbortSignal.any([abort, hooks.interrupt ?? never]),
    startedAt: new Date().toISOString(),
    attempt,
    limits,
    recordedLimits: {
      trainSeconds,
      predictSeconds,
      cpus: plan.cpus ?? availableParallelism(),
      memoryBytes: plan.memoryBytes ?? entryMemoryBytes(plan.machine),
      processes,
    },
    gpus: gpusOfRun(plan.gpus, sandbox.fenced).map(({ uuid, model }) => ({ uuid, model })),
    archiveLimits: intake,
    withheld: withheldOf(track),
    unpacked: resolve(plan.runsFolder, `.entry-${randomUUID()}`),
  };
}

function withheldOf({ dir, info, withheld }: RunPlan['track']): Withheld {
  if (withheld !== undefined) return withheld;
  if ('sealed' in info) {
    throw new UserError(`${dir} is sealed: give the images key`);
  }
  return openWithheld(dir, info);
}

/**
 * Runs a part of a step.
 * @returns the fault of the evaluator or its machine, as a sentence; null if there is none. After an abort nothing
 *   counts as a fault, because Ctrl-C can also kill a helper that was just started.
 */
export async function faultOf({ abort }: SettledRun, act: () => Promise<void>): Promise<string | null> {
  try {
    await act();
    return null;
  } catch (error) {
    return abort.aborted ? null : `the evaluator failed: ${describeOwnFault(error)}`;
  }
}
