// The self-test lets entries that misbehave loose in a sandbox, one after the other, and looks after each of them:
// was its verdict the right one; did it get at anything that the sandbox claims to hold back; is the evaluator well;
// does anything still run; was a file touched outside the run's folder; and does an honest entry, run next, get the
// score it must.
//
// An attack says itself what it got at: it writes it into a file `escaped` of its output folder, and what it tried in
// vain into `tried`. Every attack is bounded: it stops by itself a little beyond what a sandbox has to hold back, so
// that a sandbox with a hole costs the machine nothing.
import { chmod, mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { plainText } from '../../datasets/plainText.ts';
import { type TrackInfo, trackFiles } from '../../datasets/track.ts';
import { entryMemoryBytes } from '../machine/entryMemory.ts';
import { describeMachine } from '../machine/machine.ts';
import { readEnd } from '../report/readEnd.ts';
import type { RunRecord } from '../run/record.ts';
import { type RunHooks, runEntry } from '../run/runEntry.ts';
import type { Owner, VerdictCode } from '../run/verdict.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { removePath } from '../stage/removeTree.ts';
import { type Attack, corpusFolder, honestName, readAttack } from './attack.ts';
import { escapedFiles, processesOf, unfitToPublish } from './leftovers.ts';
import { differences, takeSnapshot } from './snapshot.ts';
import { stageEntry } from './stageEntry.ts';
import { createSurroundings, type Surroundings } from './surroundings.ts';
import { makeTinyTrack } from './tinyTrack.ts';

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
  /** Whether all was as it must be. */
  readonly ok: boolean;
  /** What was not, one sentence each. */
  readonly problems: readonly string[];
  /** What it tried and how each was refused, as it tells it. */
  readonly held: readonly string[];
}

export interface SelfTest {
  run(attack: Attack): Promise<AttackResult>;
  /** Removes everything that the self-test made. */
  close(): Promise<void>;
}

/** Few of everything, so that what takes too much is soon over. */
const memoryBytes = 512 * 2 ** 20;
const smallLimits = { outBytes: 100 * 2 ** 20, outFiles: 10_000, workBytes: 128 * 2 ** 20, processes: 256 };
/** The honest entry says class 0 for all; the labels of the tiny Track are 0, 1, ... 9, 0, ... */
const rightScore = 100;
/** A kill is over long before; more time than this means that something held it up. */
const tolerableOvershootMs = 1000;
const mostNoteBytes = 16 * 1024;

/** Makes ready to let attacks loose in a sandbox. */
export async function openSelfTest(sandbox: Sandbox): Promise<SelfTest> {
  const machine = await describeMachine();
  const honest = await readAttack(corpusFolder, honestName);
  let bench = await openBench(sandbox, machine);
  return {
    async run(attack) {
      const trial = await tryOut(bench, attack);
      // An archive that was refused started nothing.
      const isFollowed = attack.name !== honestName && (attack.archive === undefined || !trial.ok);
      const next = isFollowed ? (await tryOut(bench, honest)).problems : [];
      const problems = [...trial.problems, ...next.map((each) => `the next entry, an honest one: ${each}`)];
      if (problems.length > 0) {
        // What got out may have left its marks; the next attack has a right to a sound place.
        await bench.close();
        bench = await openBench(sandbox, machine);
      }
      return { ...trial, ok: problems.length === 0, problems };
    },
    close: () => bench.close(),
  };
}

/** Where attacks are tried out: a Track, a place to run in, and targets around it. */
interface Bench {
  readonly sandbox: Sandbox;
  readonly machine: RunRecord['machine'];
  readonly scratch: string;
  readonly entries: string;
  readonly runs: string;
  readonly track: { readonly dir: string; readonly info: TrackInfo };
  readonly surroundings: Surroundings;
  close(): Promise<void>;
}

async function openBench(sandbox: Sandbox, machine: RunRecord['machine']): Promise<Bench> {
  const scratch = await mkdtemp(join(tmpdir(), 'haet-self-test-'));
  await chmod(scratch, 0o755); // an entry may run as another user
  const [entries, runs] = [join(scratch, 'entries'), join(scratch, 'runs')];
  await mkdir(entries);
  await mkdir(runs);
  const track = await makeTinyTrack(scratch);
  const surroundings = await createSurroundings({
    canary: join(scratch, 'canary'),
    labels: join(track.dir, trackFiles.testLabels),
    runs,
  });
  return {
    sandbox,
    machine,
    scratch,
    entries,
    runs,
    track,
    surroundings,
    async close() {
      await surroundings.close();
      await removePath(scratch);
    },
  };
}

/** What is known of one run, of a folder or of an archive that was refused. */
interface Outcome {
  readonly verdict: VerdictCode | null;
  readonly owner: Owner | null;
  readonly evidence: readonly string[];
  readonly record: RunRecord | null;
}

async function tryOut(bench: Bench, attack: Attack): Promise<AttackResult> {
  // One run of an entry is left for the next to find, if it can.
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
    outcome = await runAttack(bench, attack, entry, async (_, output) => {
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
    problems.push(...escapedFiles().map((file) => `${file} was made`));
  }
  if (attack.probes && held.length === 0 && problems.length === 0) {
    problems.push('it did not say what it tried: the attack itself is broken');
  }
  if (problems.length > 0 && outcome.record !== null) problems.push(...(await lastWords(outcome.record)));
  for (const name of earlier) await removePath(join(bench.runs, name));
  for (const file of escapedFiles()) await removePath(file);
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
      limits: {
        ...smallLimits,
        trainSeconds: attack.trainSeconds,
        predictSeconds: attack.predictSeconds,
      },
    },
    sandbox,
    { onOutput },
  );
  return { verdict: record.verdict, owner: record.owner, evidence: record.evidence, record };
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
 * What of a run still runs, which is then ended. A process that was killed is gone from /proc a moment later, when its
 * new parent has buried it.
 */
async function leftRunning(runId: string): Promise<string[]> {
  for (let waited = 0; waited < 500 && processesOf(runId).length > 0; waited += 50) await sleep(50);
  const left = processesOf(runId);
  for (const { pid } of left) killQuietly(pid);
  return left.map(({ pid, command }) => `still running: ${pid} ${command}`);
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone meanwhile, or not ours to kill: that it was there is said already
  }
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
