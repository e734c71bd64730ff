import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { plainText } from '../../datasets/plainText.ts';
import { entryMemoryBytes } from '../machine/entryMemory.ts';
import { readEnd } from '../report/readEnd.ts';
import type { RunRecord } from '../run/record.ts';
import { type RunHooks, type RunPlan, runEntry } from '../run/runEntry.ts';
import type { Owner, VerdictCode } from '../run/verdict.ts';
import { signalQuietly } from '../sandbox/killing.ts';
import { removePath } from '../sandbox/removeTree.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { waitUntil } from '../sandbox/waitUntil.ts';
import type { Attack } from './attack.ts';
import type { Bench } from './bench.ts';
import { escapedFiles, processesOf, unfitToPublish } from './leftovers.ts';
import { differences, takeSnapshot } from './snapshot.ts';
import { stageEntry } from './stageEntry.ts';

/** How an attack went. */
export interface AttackResult {
  readonly attack: string;
  readonly tries: string;
  readonly expected: readonly VerdictCode[];
  /** Of its last run; null where none was reached. */
  readonly verdict: VerdictCode | null;
  readonly owner: Owner | null;
  /** Of its runs; the honest entry after it is not counted. */
  readonly seconds: number;
  /** Whether everything was as expected. */
  readonly ok: boolean;
  /** What was not, one sentence each. */
  readonly problems: readonly string[];
  /** What it tried and how each attempt was refused, in its own words. */
  readonly held: readonly string[];
}

/** Small, so that an attack that takes too much is over soon. */
const memoryBytes = 512 * 2 ** 20;
const smallLimits = { outBytes: 100 * 2 ** 20, outFiles: 10_000, workBytes: 128 * 2 ** 20, processes: 256 };
/** The honest entry predicts class 0 for every image; the labels of the tiny Track are 0, 1, ... 9, 0, ... */
const rightScore = 100;
/** A kill takes far less; a later one was held up. */
const tolerableOvershootMs = 1000;
const mostNoteBytes = 16 * 1024;

/** What is known of one run, of a folder or of an archive that was refused. */
interface Outcome {
  readonly verdict: VerdictCode | null;
  readonly owner: Owner | null;
  readonly evidence: readonly string[];
  readonly record: RunRecord | null;
}

/**
 * Runs an attack as often as it asks for and looks for what it must not have done.
 * @param how.predictOnce skips the second predict run
 */
export async function tryOut(
  bench: Bench,
  attack: Attack,
  how: Pick<RunPlan, 'predictOnce'> = {},
): Promise<AttackResult> {
  // The folder of one earlier run stays, for the next entry to look for.
  await clear(bench.entries);
  const entry = await stageEntry(attack, bench.entries, bench.surroundings.hints);
  const problems: string[] = [];
  const held: string[] = [];
  const earlier = await readdir(bench.runs);
  let outcome: Outcome = { verdict: null, owner: null, evidence: [], record: null };
  let seconds = 0;

  for (let run = 0; run < attack.runs; run++) {
    const before = await takeSnapshot(bench.scratch);
    const start = performance.now();
    outcome = await runAttack(bench, attack, entry, how, async (_, output) => {
      held.push(...(await notes(output, 'tried')));
      problems.push(...(await notes(output, 'escaped')).map((note) => `it got through: ${note}`));
    });
    seconds += (performance.now() - start) / 1000;
    const { record } = outcome;
    if (record !== null) {
      problems.push(...(await leftRunning(record.runId)));
      problems.push(...(await unfitToPublish(record.folder)));
    }
    problems.push(...judge(attack, outcome));
    problems.push(...bench.surroundings.disturbances());
    const now = await takeSnapshot(bench.scratch, record === null ? [] : [record.folder]);
    problems.push(...differences(before, now).filter((each) => each !== `${bench.runs} was changed`));
    // Only what is reported is removed: another attack that runs at the same time may be making files as well.
    for (const file of escapedFiles()) {
      problems.push(`${file} was made`);
      await removePath(file);
    }
  }
  if (attack.probes && held.length === 0 && problems.length === 0) {
    problems.push('it did not say what it tried: the attack itself is broken');
  }
  if (problems.length > 0 && outcome.record !== null) problems.push(...(await lastWords(outcome.record)));
  for (const name of earlier) await removePath(join(bench.runs, name));
  const { verdict, owner } = outcome;
  const { verdicts: expected } = attack.expected;
  return {
    attack: attack.name,
    tries: attack.attack,
    expected,
    verdict,
    owner,
    seconds,
    ok: problems.length === 0,
    problems,
    held,
  };
}

async function runAttack(
  bench: Bench,
  attack: Attack,
  entryPath: string,
  how: Pick<RunPlan, 'predictOnce'>,
  onOutput: NonNullable<RunHooks['onOutput']>,
): Promise<Outcome> {
  const { sandbox, runs, track, machine } = bench;
  const record = await runEntry(
    {
      entryPath,
      track,
      runsFolder: runs,
      seed: 1,
      memoryBytes: Math.min(memoryBytes, entryMemoryBytes(machine)),
      machine,
      ...how,
      limits: {
        ...smallLimits,
        trainSeconds: attack.trainSeconds,
        predictSeconds: attack.predictSeconds,
      },
    },
    attack.needs.includes('cache') ? sandbox : withoutClearing(sandbox),
    { onOutput },
  );
  return { verdict: record.verdict, owner: record.owner, evidence: record.evidence, record };
}

/**
 * The page cache is dropped for the attacks that test this. For the others it would double the time of a run, since
 * every program is then read from disk again, and change nothing that they try.
 */
function withoutClearing({ pageCache, ...sandbox }: Sandbox): Sandbox {
  return sandbox;
}

function judge({ expected }: Attack, { verdict, owner, evidence, record }: Outcome): string[] {
  const problems: string[] = [];
  const because = `(${evidence.join('; ')})`;
  if (verdict === null || !expected.verdicts.includes(verdict)) {
    problems.push(`its verdict is ${verdict ?? 'none'}, not ${expected.verdicts.join(' or ')} ${because}`);
  } else if (owner !== expected.owner) {
    problems.push(`${verdict} is put down to the ${owner}, not to the ${expected.owner}`);
  }
  if (expected.evidence !== undefined && !evidence.join().includes(expected.evidence)) {
    problems.push(`the evidence does not say ${JSON.stringify(expected.evidence)} ${because}`);
  }
  if (evidence.some((sentence) => plainText(sentence) !== sentence)) {
    problems.push('the evidence holds signs that steer a terminal or cannot be seen');
  }
  if (record?.score && record.score.correct !== rightScore) {
    problems.push(`its score is ${record.score.correct} of ${record.score.total}, not ${rightScore}`);
  }
  for (const { stage, kill } of record?.stages ?? []) {
    if (kill !== null && kill.overshootMs > tolerableOvershootMs) {
      problems.push(`${stage} was stopped only ${kill.overshootMs.toFixed(0)} ms after its deadline`);
    }
  }
  return problems;
}

/**
 * Finds the processes that a run left running, and kills them. A killed process leaves /proc only when its new parent
 * has reaped it.
 */
async function leftRunning(runId: string): Promise<string[]> {
  await waitUntil(() => processesOf(runId).length === 0, 0.5, 50);
  const left = processesOf(runId);
  for (const { pid } of left) signalQuietly(pid, 'SIGKILL');
  return left.map(({ pid, command }) => `still running: ${pid} ${command}`);
}

/** Lines of a file that a stage left about itself in its output folder. */
async function notes(output: string, name: 'tried' | 'escaped'): Promise<string[]> {
  const end = await readEnd(output, name, mostNoteBytes).catch(() => null);
  return (end?.tail.split('\n') ?? []).filter((line) => line !== '');
}

/** What the last stage wrote to standard error at its end. */
async function lastWords(record: RunRecord): Promise<string[]> {
  const stage = record.stages.at(-1)?.stage;
  if (stage === undefined) return [];
  const end = await readEnd(record.folder, `${stage}.stderr.log`, 1000).catch(() => null);
  const text = end?.tail.trim().replace(/\p{Cc}+/gu, ' ');
  return text ? [`${stage} said: ${text}`] : [];
}

async function clear(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await removePath(join(folder, name));
}
