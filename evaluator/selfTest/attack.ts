import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { describeIssues } from '../../datasets/describeJson.ts';
import { UserError } from '../../datasets/userError.ts';
import { projectFolder } from '../machine/version.ts';
import { verdictCodeSchema } from '../run/verdict.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { fenceSchema, heldBy } from './fences.ts';
import { archiveNameSchema } from './hostileArchives.ts';

/** Where the attacks lie: a folder each, with `attack.json` and, beside it, `entry/`, the files that are sent in. */
export const corpusFolder = join(projectFolder, 'evaluator/selfTest/corpus');
/** The attack that is none: an entry that keeps to the contract. Every other one is laid over its files. */
export const honestName = 'honest';
const attackFile = 'attack.json';

export const attackSchema = z.strictObject({
  attack: z.string().min(1).describe('what the entry tries, one sentence'),
  expected: z.strictObject({
    verdicts: z.array(verdictCodeSchema).min(1).describe('the verdicts that are right'),
    owner: z.enum(['contestant', 'infrastructure', 'organizer']),
    evidence: z.string().min(1).optional().describe('words that the evidence must hold'),
  }),
  needs: z
    .array(fenceSchema)
    .default([])
    .describe('what a sandbox must hold back before this is let loose in it; nothing: it runs everywhere'),
  probes: z
    .boolean()
    .default(false)
    .describe(
      'whether the entry notes what it tried in a file `tried` of its output folder, and must have done',
    ),
  trainSeconds: z.number().positive().default(20),
  predictSeconds: z.number().positive().default(20),
  runs: z.int().min(1).max(2).default(1).describe('times that the entry is run, one after the other'),
  archive: archiveNameSchema.optional().describe('sent in as this archive of hostileArchives.ts'),
  onlyWhere: z.string().optional().describe('run only on a machine that has this file'),
});

export interface Attack extends z.infer<typeof attackSchema> {
  readonly name: string;
  /** Files laid over those of the honest entry; null for an archive. */
  readonly entryFolder: string | null;
}

/**
 * Every attack of the corpus, the honest entry first, then by name.
 * @throws UserError where the corpus is not there or an attack.json is wrong
 */
export async function listAttacks(folder: string = corpusFolder): Promise<Attack[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(
      `${folder}: the hostile entries cannot be read (${error.code}). Get them from the clone.`,
    );
  });
  const names = found.filter((each) => each.isDirectory()).map((each) => each.name);
  const order = (name: string) => (name === honestName ? '' : name);
  names.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return Promise.all(names.map((name) => readAttack(folder, name)));
}

/** @throws UserError naming the file and what is wrong with it */
export async function readAttack(folder: string, name: string): Promise<Attack> {
  const path = join(folder, name, attackFile);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`${path}: cannot be read (${error.code}); every attack has one`);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path}: not JSON (${(error as Error).message})`);
  }
  const parsed = attackSchema.safeParse(value);
  if (!parsed.success) throw new UserError(`${path}: ${describeIssues(parsed.error)}`);
  const entryFolder = join(folder, name, 'entry');
  const hasEntry = existsSync(entryFolder);
  if (hasEntry === (parsed.data.archive !== undefined)) {
    throw new UserError(`${path}: an attack is either a folder entry/ beside it or has the field archive`);
  }
  return { ...parsed.data, name, entryFolder: hasEntry ? entryFolder : null };
}

/** Why an attack is not let loose here; null where it is. */
export function whyNotRun(
  attack: Attack,
  sandbox: Pick<Sandbox, 'kind' | 'holds' | 'pageCache'>,
): string | null {
  const held = heldBy(sandbox);
  const missing = attack.needs.filter((fence) => !held.includes(fence));
  if (missing.length > 0) return `the ${sandbox.kind} sandbox does not hold ${missing.join(', ')}`;
  if (attack.onlyWhere !== undefined && !existsSync(attack.onlyWhere)) return `no ${attack.onlyWhere} here`;
  return null;
}
