import { basename } from 'node:path';
import { UserError } from '../../../datasets/userError.ts';
import { inPercent } from '../../report/format.ts';
import type { RunRecord } from '../../run/record.ts';
import { runFolders } from '../attempts.ts';
import { agrees, type JobTerms } from '../terms.ts';
import { imagesPerSecondOf, whyOut } from './band.ts';
import type { Canary } from './canary.ts';
import { addJudgement, type Judgement, readJudgements } from './canaryLog.ts';
import { canaryFolder, machinesWithCanaries, readCanaryRun } from './canaryRuns.ts';

export interface JudgeHooks {
  /** Takes in what a machine left of a run, if there is anything. @throws UserError if it is not of this canary */
  readonly takeIn?: (folder: string) => Promise<void>;
  /** Acts on a machine that is out of its band; returns what was done. */
  readonly act: (node: string, because: string) => Promise<NonNullable<Judgement['done']>>;
}

/**
 * Judges every run of the canary that has ended and is not judged yet. One that cannot be scored is left for the next
 * call. If this is killed, the next call completes it: a machine is acted on before the log says so.
 * @returns the new judgements
 */
export async function judgeCanaries(canary: Canary, hooks: JudgeHooks): Promise<Judgement[]> {
  const { outFolder, warn } = canary;
  const machines = await machinesWithCanaries(outFolder);
  if (machines.length === 0) return [];
  const log = await readJudgements(outFolder);
  const made: Judgement[] = [];
  for (const node of machines) {
    const judged = new Set(log.filter((each) => each.node === node).map(({ run }) => run));
    for (const folder of await runFolders(canaryFolder(outFolder, node))) {
      if (judged.has(basename(folder))) continue;
      const judgement = await judge(node, folder, canary, hooks);
      if (judgement === null) continue;
      await addJudgement(outFolder, judgement);
      made.push(judgement);
      warn(describeJudgement(judgement));
    }
  }
  return made;
}

/** Returns null if the run has not ended, or cannot be scored yet. */
async function judge(
  node: string,
  folder: string,
  { finish, terms, band, warn }: Canary,
  { takeIn, act }: JudgeHooks,
): Promise<Judgement | null> {
  const refused = await refusalOf(() => takeIn?.(folder));
  const { number, record: ended, awaitsScore } = await readCanaryRun(folder);
  const judgement = {
    ...{ schemaVersion: 1 as const, node, number, run: basename(folder), band },
    ...{ accuracy: null, imagesPerSecond: null, done: null },
  };
  const at = () => new Date().toISOString();
  if (refused !== null) return { ...judgement, at: at(), found: 'unusable', because: refused };
  if (ended === null) return null;
  const unusable = whyUnusable(ended, terms);
  if (unusable !== null) return { ...judgement, at: at(), found: 'unusable', because: unusable };
  let record = ended;
  try {
    if (awaitsScore) record = await finish(folder);
  } catch (error) {
    warn(`${folder}: the canary could not be scored, and is not judged yet: ${(error as Error).message}`);
    return null;
  }
  const because = whyOut(record, band);
  return {
    ...judgement,
    at: at(),
    found: because === null ? 'good' : 'bad',
    because,
    accuracy: record.score?.accuracy ?? null,
    imagesPerSecond: imagesPerSecondOf(record),
    done: because === null ? null : await act(node, because),
  };
}

/** Returns why nothing could be taken in from a machine; null if it could, or there was nothing. */
async function refusalOf(takeIn: () => Promise<void> | undefined): Promise<string | null> {
  try {
    await takeIn();
    return null;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.reason;
  }
}

function whyUnusable(record: RunRecord, terms: JobTerms): string | null {
  if (record.verdict === 'ABORTED') return 'its canary was stopped';
  return agrees(record, terms) ? null : 'its canary was run on other terms';
}

/** Describes a judgement for the organizer. */
export function describeJudgement(judgement: Judgement): string {
  const { node, number, found, because, accuracy, imagesPerSecond, done } = judgement;
  const which = `Canary ${number} on ${node}`;
  if (found === 'unusable') return `${which} is not judged, and is run again: ${because}.`;
  const measured = [
    ...(accuracy === null ? [] : [`${inPercent(accuracy, 2)} %`]),
    ...(imagesPerSecond === null ? [] : [`${imagesPerSecond.toPrecision(4)} images per second`]),
  ].join(', ');
  if (found === 'good') return `${which}: ${measured}, as expected`;
  return `${which} is out of its band: ${because}. ${doneWith[done!](node)} Runs there since the last good canary do not count and are made again.`;
}

const doneWith: Record<NonNullable<Judgement['done']>, (node: string) => string> = {
  drained: (node) =>
    `The node is drained; when it is mended, \`scontrol update NodeName=${node} State=RESUME\` lets it run a canary again.`,
  'left out': () => 'Slurm refused to drain the node, so it is left out of this grading only.',
  stopped: () => 'Grading stops on this machine; run the same command again when it is mended.',
};
