import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTrack } from '../datasets/makeTrack.ts';
import { readTrack } from '../datasets/readTrack.ts';
import type { Source } from '../datasets/source.ts';
import { syntheticVersion } from '../datasets/sources/synthetic.ts';
import { UserError } from '../datasets/userError.ts';
import { openRunTrack, type RunTrack } from '../evaluator/run/runTrack.ts';
import type { StudySpec } from '../evaluator/study/spec.ts';
import { type SourceFacts, sources } from './sources.ts';
import type { Say } from './terminal.ts';

/**
 * Returns the Track of every sample of a study, by its seed. Each is drawn once and kept in the out folder; the source
 * is read only if one is missing or damaged. Both halves are drawn from the source's training images: a test set of
 * the source is never read.
 * @throws UserError that names the specification if its data cannot be used
 */
export async function prepareSamples(
  { data, samples }: Pick<StudySpec, 'data' | 'samples'>,
  outFolder: string,
  specFile: string,
  tell: Say,
): Promise<Map<number, RunTrack>> {
  const { source, allowCopies, heldOutPerClass, ...options } = data;
  const facts: SourceFacts = sources[source];
  const read = (seed: number, out: string) =>
    facts.read({ ...options, testPerClass: heldOutPerClass, testFrom: 'batches', seed, out });
  let shared: Source | null = null;
  const tracks = new Map<number, RunTrack>();
  for (const sample of samples) {
    const dir = join(outFolder, 'samples', `t${sample}-${identify(data)}`);
    if ((await readTrack(dir).catch(() => null)) === null) {
      tell(`Drawing sample ${sample} from ${source}.`);
      await rm(dir, { recursive: true, force: true });
      try {
        // The synthetic source draws other images for every seed.
        const from: Source = shared ?? (await read(sample, dir));
        if (source !== 'synthetic') shared = from;
        const { trainPerClass } = options;
        await makeTrack(from, {
          ...{ trainPerClass, testPerClass: heldOutPerClass, seed: sample, out: dir },
          ...(allowCopies !== undefined && { allowCopies }),
        });
      } catch (error) {
        throw error instanceof UserError ? inSpec(error, specFile) : error;
      }
    }
    tracks.set(sample, await openRunTrack(dir));
  }
  return tracks;
}

/** Names a way to draw samples, so that another one gets other folders. */
function identify(data: StudySpec['data']): string {
  const all = data.source === 'synthetic' ? { ...data, version: syntheticVersion } : data;
  const sorted = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 12);
}

/** Returns the error as one of the specification, where the options of `haet data make` are fields. */
function inSpec(error: UserError, specFile: string): UserError {
  const remedy = error.remedy ?? 'Correct the fields of `data`.';
  return new UserError(
    {
      path: specFile,
      reason: `the samples cannot be drawn: ${error.sentence}`,
      remedy: error.message.includes('--')
        ? `${remedy} In this file, --from is \`data.from\`, and so on.`
        : remedy,
      details: error.details,
    },
    { cause: error },
  );
}
