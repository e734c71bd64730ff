import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../datasets/atomicWrite.ts';
import { plainJson } from '../../datasets/plainText.ts';
import { readJson } from '../../datasets/sealing/readJson.ts';
import { sealedTrackSchema } from '../../datasets/sealing/sealedTrack.ts';
import { sha256Schema, trackSchema } from '../../datasets/track.ts';
import { UserError } from '../../datasets/userError.ts';
import { archiveLimitsSchema } from '../intake/limits.ts';
import { sandboxKinds } from '../sandbox/sandbox.ts';
import { runsFolder } from './gradedFolders.ts';
import type { JobTerms } from './terms.ts';

/** What was graded, and by which rules; beside the leaderboard's folder. */
export const gradingFile = 'grading.json';
/** A folder with thousands of archives has thousands of names. */
const mostBytes = 64 * 2 ** 20;

export const gradingSchema = z.strictObject({
  schemaVersion: z.literal(1),
  verifyKey: z.string().nullable().describe('the key that signs every run; null if runs are not signed'),
  track: z.union([trackSchema, sealedTrackSchema]),
  trackSha256: sha256Schema.describe('sha256 of its track.json'),
  archives: z.array(
    z.strictObject({
      file: z.string(),
      sha256: sha256Schema,
      refused: z.string().nullable().describe('why it is not run'),
    }),
  ),
  leftOut: z.array(z.strictObject({ file: z.string(), reason: z.string() })),
  baselines: z.array(z.string()).describe('names of files'),
  seeds: z.array(z.int().nonnegative()),
  sandbox: z.enum(sandboxKinds),
  trainSeconds: z.number().positive(),
  predictSeconds: z.number().positive(),
  processes: z.int().positive(),
  cpus: z.int().positive().nullable().describe('null: all of the machine, and any number counts'),
  memoryBytes: z.int().positive().nullable().describe('the same'),
  intake: archiveLimitsSchema,
  retries: z.int().nonnegative(),
  mostDisturbance: z.number().nonnegative(),
});

/**
 * Everything except the records that the leaderboard follows from. Kept by every call of `haet grade`, so that the
 * leaderboard can be computed again from the files.
 */
export type Grading = z.infer<typeof gradingSchema>;

/** One archive with one seed. */
export interface GradedJob {
  readonly sha256: string;
  readonly seed: number;
  /** Contains one folder per run. */
  readonly folder: string;
}

/**
 * Reads grading.json.
 * @throws UserError if it is missing or damaged
 */
export async function readGrading(outFolder: string): Promise<Grading> {
  const path = join(outFolder, gradingFile);
  if (!existsSync(path)) {
    throw new UserError({
      path: outFolder,
      reason: `contains no ${gradingFile}`,
      remedy:
        'Give the --out folder of `haet grade`. If an older haet wrote it, run the same `haet grade` again.',
    });
  }
  return readJson(path, gradingSchema, {
    kind: 'what was graded',
    remedy: 'Run the same `haet grade` again, which writes it anew.',
    mostBytes,
  });
}

/** Writes grading.json atomically. */
export async function writeGrading(outFolder: string, grading: Grading): Promise<void> {
  await replaceFile(join(outFolder, gradingFile), `${plainJson(grading, 2)}\n`);
}

/** Lists the jobs: every archive that is run, once per bytes, with every seed. */
export function jobsOf({ archives, seeds, trackSha256 }: Grading, outFolder: string): GradedJob[] {
  const run = archives.filter(({ refused }) => refused === null).map(({ sha256 }) => sha256);
  return [...new Set(run)].flatMap((sha256) =>
    seeds.map((seed) => ({
      sha256,
      seed,
      // Short, because the full hashes are compared with the record's.
      folder: join(runsFolder(outFolder), `${sha256.slice(0, 16)}-t${trackSha256.slice(0, 8)}-s${seed}`),
    })),
  );
}

/** Returns what a run of a job must match to count. */
export function jobTermsOf(grading: Grading, { sha256, seed }: Pick<GradedJob, 'sha256' | 'seed'>): JobTerms {
  const { track, sandbox, intake, trainSeconds, predictSeconds, processes, cpus, memoryBytes } = grading;
  return {
    archiveSha256: sha256,
    track,
    seed,
    sandbox,
    intake,
    limits: {
      trainSeconds,
      predictSeconds,
      processes,
      ...(cpus !== null && { cpus }),
      ...(memoryBytes !== null && { memoryBytes }),
    },
  };
}

/** Formats the terms that a decision applies to. */
export function termsText(grading: Grading): string {
  const { sandbox, trainSeconds, predictSeconds, processes, cpus, memoryBytes } = grading;
  return `${sandbox}, ${trainSeconds} s, ${predictSeconds} s, ${cpus ?? 'all'} CPUs, ${memoryBytes ?? 'all'} bytes, ${processes} processes`;
}
