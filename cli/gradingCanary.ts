import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../datasets/userError.ts';
import type { Attestor } from '../evaluator/attest/attestor.ts';
import type { Band, Range } from '../evaluator/grade/canary/band.ts';
import type { Canary } from '../evaluator/grade/canary/canary.ts';
import type { GradePlan } from '../evaluator/grade/gradeArchives.ts';
import { hashFile } from '../evaluator/intake/hashFile.ts';
import { archiveLimitsSchema } from '../evaluator/intake/limits.ts';
import { checkArchive } from '../evaluator/intake/packEntry.ts';
import type { SandboxKind } from '../evaluator/sandbox/createSandbox.ts';
import { scoreOpenRun } from '../evaluator/score/scoreOpenRun.ts';
import { type CanaryOptions, usualCanaryEvery } from './options/canaryOptions.ts';

export { withCanary } from '../evaluator/grade/canary/localCanary.ts';

/**
 * Returns the canary that the options name; null without one.
 * @throws UserError if it is no archive that intake accepts
 */
export async function canaryOf(
  options: CanaryOptions,
  plan: GradePlan,
  sandbox: SandboxKind,
  attestor: Attestor | null,
  warn: (sentence: string) => void,
): Promise<Canary | null> {
  if (options.canary === undefined) return null;
  const archive = resolve(options.canary);
  const intake = plan.intake ?? archiveLimitsSchema.parse({});
  await requireAccepted(options.canary, archive, intake);
  const { track, outFolder, trainSeconds, predictSeconds, processes, cpus, memoryBytes } = plan;
  return {
    archive,
    terms: {
      archiveSha256: await hashFile(archive),
      track: track.info,
      seed: plan.seeds[0]!,
      sandbox,
      intake,
      limits: {
        ...{ trainSeconds, predictSeconds, processes },
        ...(cpus !== undefined && { cpus }),
        ...(memoryBytes !== undefined && { memoryBytes }),
      },
    },
    band: bandOf(options),
    every: options.canaryEvery ?? usualCanaryEvery,
    outFolder,
    finish: (folder) => attestor?.finish(folder) ?? scoreOpenRun(folder, track),
    warn,
  };
}

/** Refuses what would be out of its band on every machine. */
async function requireAccepted(given: string, archive: string, intake: GradePlan['intake']): Promise<void> {
  const option = '--canary';
  if (!existsSync(archive)) {
    throw new UserError({
      option,
      path: given,
      reason: 'does not exist',
      remedy: 'Give an archive, as `haet pack` makes it.',
    });
  }
  await checkArchive(archive, intake).catch((error) => {
    throw error instanceof UserError ? error.about({ option, path: given }) : error;
  });
}

function bandOf({ canaryAccuracy, canaryImagesPerSecond }: CanaryOptions): Band {
  return {
    accuracy: canaryAccuracy === undefined ? null : inFractions(canaryAccuracy),
    imagesPerSecond: canaryImagesPerSecond ?? null,
  };
}

const inFractions = ({ low, high }: Range): Range => ({
  low: low === null ? null : low / 100,
  high: high === null ? null : high / 100,
});
