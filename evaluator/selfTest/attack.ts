import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { describeIssues } from '../../datasets/describeJson.ts';
import { UserError } from '../../datasets/userError.ts';
import { projectFolder } from '../machine/version.ts';
import { verdictCodeSchema } from '../run/verdict.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { type Fence, fenceSchema, heldBy } from './fences.ts';
import { archiveNameSchema } from './hostileArchives.ts';

/** One subfolder per attack, with `attack.json` and, beside it, `entry/`: the files that are sent in. */
export const corpusFolder = join(projectFolder, 'evaluator/selfTest/corpus');
/** The control: an entry that keeps to the contract. The files of every attack are laid over its files. */
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
    .describe('fences that a sandbox must have before this attack is run in it; none: it runs everywhere'),
  alone: z
    .boolean()
    .default(false)
    .describe('whether it keeps the CPUs so busy that no other attack may run beside it; see runsAlone'),
  probes: z
    .boolean()
    .default(false)
    .describe('whether the entry must write what it tried to the file `tried` of its output folder'),
  trainSeconds: z.number().positive().default(20),
  predictSeconds: z.number().positive().default(20),
  runs: z.int().min(1).max(2).default(1).describe('how often the entry is run, one run after the other'),
  archive: archiveNameSchema.optional().describe('archive of hostileArchives.ts that is sent in'),
  onlyWhere: z.string().optional().describe('run only on a machine that has this file'),
});

export interface Attack extends z.infer<typeof attackSchema> {
  readonly name: string;
  /** Files laid over those of the honest entry; null for an archive. */
  readonly entryFolder: string | null;
}

/**
 * Lists every attack of the corpus: the honest entry first, then by name those that may run side by side, and last
 * those that run alone, so that workers wait for each other only once.
 * @throws UserError where the corpus is missing or an attack.json is invalid
 */
export async function listAttacks(folder: string = corpusFolder): Promise<Attack[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(
      `${folder}: the hostile entries cannot be read (${error.code}). Get them from the clone.`,
    );
  });
  const names = found.filter((each) => each.isDirectory()).map((each) => each.name);
  const attacks = await Promise.all(names.sort().map((name) => readAttack(folder, name)));
  const rank = (attack: Attack) => (attack.name === honestName ? 0 : runsAlone(attack) ? 2 : 1);
  return attacks.sort((a, b) => rank(a) - rank(b)); // stable
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

/** Fences against using up what all runs of a machine share. `cache`: what other stages read displaces the message in it. */
const sharedByAll: readonly Fence[] = ['cache', 'memory', 'disk', 'tasks'];

/**
 * Tells whether nothing may run beside an attack: it uses up memory, disk, processes or CPU time of the machine, or is
 * itself disturbed by what others do to the page cache.
 */
export function runsAlone({ alone, needs }: Pick<Attack, 'alone' | 'needs'>): boolean {
  return alone || needs.some((fence) => sharedByAll.includes(fence));
}

/** Says why an attack is not run in a sandbox; null where it is. */
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
