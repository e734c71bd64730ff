import { basename, resolve } from 'node:path';
import type { AttemptOrder } from '../grade/executor.ts';
import { archiveLimitsSchema } from '../intake/limits.ts';
import type { RunStart } from '../run/runFolder.ts';
import { isAlone } from './batch.ts';
import type { SlurmSettings } from './slurmSettings.ts';
import type { Task } from './task.ts';

/** Returns what start.json of an attempt says. */
export function startOf({ plan, archiveSha256 }: AttemptOrder, { sandbox, ...own }: SlurmSettings): RunStart {
  const { trainSeconds, predictSeconds, processes } = limitsOf(plan);
  return {
    attempt: plan.attempt ?? 1,
    archiveSha256,
    track: plan.track.info,
    seed: plan.seed,
    sandbox: { kind: sandbox.kind },
    limits: {
      ...{ trainSeconds, predictSeconds, processes },
      cpus: own.cpus ?? plan.cpus ?? plan.machine.cores,
      memoryBytes: own.memoryBytes ?? plan.memoryBytes ?? plan.machine.memoryBytes,
    },
  };
}

/** Returns what a node is told about an attempt, without the images key, which `makeBatch` adds. @param folder of the attempt */
export function taskOf({ plan, archiveSha256 }: AttemptOrder, folder: string, settings: SlurmSettings): Task {
  return {
    schemaVersion: 1,
    label: `${[basename(plan.entryPath), ...(plan.entryArguments ?? [])].join(' ')}, seed ${plan.seed}`,
    archive: resolve(plan.entryPath),
    archiveSha256,
    entryArguments: [...(plan.entryArguments ?? [])],
    predictOnce: plan.predictOnce ?? false,
    trackDir: plan.track.dir,
    track: plan.track.info,
    imagesKey: null,
    attemptFolder: folder,
    attempt: plan.attempt ?? 1,
    seed: plan.seed,
    limits: limitsOf(plan),
    cpus: settings.cpus,
    memoryBytes: settings.memoryBytes,
    intake: plan.intake ?? archiveLimitsSchema.parse({}),
    sandbox: settings.sandbox,
    mostDisturbance: plan.mostDisturbance ?? 1,
    quietSeconds: settings.quietSeconds,
    keepModel: plan.keepModel ?? false,
    alone: isAlone(settings.options.words),
    ...(settings.canary !== undefined && { canary: settings.canary.task }),
    expected: settings.expected,
  };
}

function limitsOf({ limits = {} }: AttemptOrder['plan']): Task['limits'] {
  const { trainSeconds = 600, predictSeconds = 60, processes = 1024 } = limits;
  return { trainSeconds, predictSeconds, processes };
}
