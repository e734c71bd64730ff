// Theory of operation
//
// Attempts that are asked for at about the same time become one array job, one element each. Everything that must
// survive this process is on the shared disk: issued.json in the attempt's folder names the batch and the element, the
// batch's folder holds the task files and the id of the array job. Slurm keeps the queue, starts tasks and ends them;
// it is polled, and no process here is needed for an array to go on. A later call finds the open attempts and waits
// for them again.
//
// A result counts only from the moment when it is taken in (takeIn.ts), and an attempt is either taken in or voided.
// A task whose attempt was decided meanwhile keeps its result beside it as superseded. A node that is not fit runs
// nothing: its attempt is submitted again, under the same number, to another node.
//
// An array can be submitted although no answer came, even later, by an sbatch that outlived its coordinator. So an
// attempt belongs to the one batch that issued.json names: tasks of others run nothing.
//
// Once every attempt of a batch is decided, the batch is closed: what Slurm still holds of it is cancelled until Slurm
// says that it has ended. Attempts that are not decided keep it, also those that nobody watches at the moment.
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../datasets/userError.ts';
import type { Executor } from '../grade/executor.ts';
import { createTurns } from '../grade/inTurn.ts';
import { issueAttempt, readIssued, writeIssued } from '../grade/issued.ts';
import type { RunRecord } from '../run/record.ts';
import type { RunStart } from '../run/runFolder.ts';
import { removePath } from '../sandbox/removeTree.ts';
import { startOf, taskOf } from './attemptTask.ts';
import { type Batch, batchOf, hasStarted, logOf, makeBatch, stateOfBatch, submitBatch } from './batch.ts';
import { createClosing } from './closing.ts';
import { cancel, excludeNodes, lookInAccounting } from './commands.ts';
import { createElsewhere, isAvoiding, liftAvoided, noteAvoided } from './elsewhere.ts';
import { lastWords } from './heard.ts';
import { createLeftOutNodes } from './leftOutNodes.ts';
import { isNeeded, unneededBatches } from './neededBatches.ts';
import { queued, running, type Seen } from './seen.ts';
import type { SlurmSettings } from './slurmSettings.ts';
import { createStrays } from './strays.ts';
import { hasResult, takeInResult, voidAttempt } from './takeIn.ts';
import { leftOut, type Task } from './task.ts';
import type { TaskState } from './taskState.ts';
import { usualTimes } from './times.ts';

export interface SlurmHooks {
  readonly warn: (sentence: string) => void;
  /** Called after every look at Slurm with all attempts that are not done. */
  readonly view: (seen: readonly Seen[]) => void;
}

export interface SlurmExecutor extends Executor {
  /**
   * Has tasks ended that an earlier call left although their attempts are decided. Call it before any attempt is run, in
   * a folder that no other call works in.
   */
  endLeftovers(): Promise<void>;
  /**
   * Waits until Slurm has ended all tasks of decided attempts, up to two minutes. The next call ends what is left.
   * @param abort ends the wait
   */
  ended(abort: AbortSignal): Promise<void>;
  /** Returns the ids of the array jobs with attempts that this call no longer waits for. */
  left(): string[];
}

/** An attempt that this call waits for. */
interface Flight {
  readonly task: Task;
  readonly start: RunStart;
  readonly machine: RunRecord['machine'];
  /** Null until it is submitted. */
  batch: Batch | null;
  index: number;
  /** When it was first seen to have ended without a result; null if it was not. */
  missingSince: number | null;
  /** Ends the wait; the promise is still to be settled. */
  readonly remove: () => void;
  readonly settle: (record: RunRecord | null) => void;
  readonly fail: (error: unknown) => void;
}

/** An array of Slurm has at most 1001 tasks unless it is configured otherwise. */
const mostPerArray = 1000;

/** Creates the executor that runs every attempt as a task of an array job of Slurm. */
export function createSlurmExecutor(settings: SlurmSettings, { warn, view }: SlurmHooks): SlurmExecutor {
  const flights = new Set<Flight>();
  const leftBehind = new Set<string>();
  const excluded = createLeftOutNodes(warn);
  const elsewhere = createElsewhere();
  const issuing = createTurns();
  const times = settings.times ?? usualTimes;
  const strays = createStrays(times);
  const closing = createClosing(strays, times, warn);
  let following: Promise<void> = Promise.resolve();
  let askedAt = 0;
  let isFollowing = false;
  let isSilent = false;
  let onJudged: () => Promise<void> = async () => {};

  return {
    sandbox: settings.sandbox,
    jobs: Number.MAX_SAFE_INTEGER,
    takesUp: true,
    left: () => [...leftBehind],
    onJudged(act) {
      onJudged = act;
    },
    async endLeftovers() {
      for (const batch of await unneededBatches(settings.folder)) await close(batch);
    },
    async ended(abort) {
      const leave = () => closing.clear();
      if (abort.aborted) leave();
      abort.addEventListener('abort', leave);
      await following;
      abort.removeEventListener('abort', leave);
    },
    async run(order, abort) {
      const start = startOf(order, settings);
      // In turn, because thousands at once would have as many files open.
      const folder = order.open ?? (await issuing(() => issueAttempt(order.plan.runsFolder, start)));
      const { batch, index } = await readIssued(folder);
      const task = taskOf(order, folder, settings);
      return new Promise((done, reject) => {
        if (abort.aborted) return done(null);
        const leave = () => flight.settle(null);
        const remove = () => {
          flights.delete(flight);
          abort.removeEventListener('abort', leave);
        };
        const flight: Flight = {
          ...{ task, start, index, machine: order.plan.machine, missingSince: null },
          batch: batch === null ? null : batchOf(settings.folder, batch),
          remove,
          settle(record) {
            if (record === null && flight.batch?.id != null) leftBehind.add(flight.batch.id);
            remove();
            done(record);
          },
          fail(error) {
            remove();
            reject(error);
          },
        };
        abort.addEventListener('abort', leave);
        flights.add(flight);
        askedAt = Date.now();
        beFollowing();
      });
    },
  };

  function beFollowing(): void {
    if (!isFollowing) following = follow();
  }

  /** Submits and watches until nobody waits for an attempt any more, and no task is left of those that are decided. */
  async function follow(): Promise<void> {
    isFollowing = true;
    try {
      while (flights.size > 0 || !closing.isEmpty()) {
        const startedAt = performance.now();
        const isWatching = flights.size > 0;
        if (isWatching) await judgeCanaries();
        if (unsubmitted().length > 0 && Date.now() - askedAt >= times.gather) await submitAll();
        const seen: Seen[] = [];
        for (const [batch, members] of byBatch()) seen.push(...(await look(batch, members)));
        await closing.look();
        const waiting = unsubmitted();
        for (const { task } of waiting) seen.push(queued(task, 'not submitted yet'));
        if (isWatching) view(seen);
        const areSubmitted = [...flights].every(({ batch }) => batch?.id != null);
        if (settings.detach && areSubmitted) for (const flight of [...flights]) flight.settle(null);
        const took = performance.now() - startedAt;
        const pause = Math.min(times.mostPause, Math.max(times.leastPause, 10 * took));
        if (flights.size > 0 || !closing.isEmpty()) await sleep(waiting.length > 0 ? times.gather : pause);
      }
    } catch (error) {
      for (const flight of [...flights]) flight.fail(error);
    } finally {
      isFollowing = false;
    }
  }

  /** Leaves out nodes whose canary is out of its band, and has the attempts there judged again. */
  async function judgeCanaries(): Promise<void> {
    const made = (await settings.canary?.judge()) ?? [];
    if (made.length === 0) return;
    const bad = made.filter(({ found }) => found === 'bad');
    for (const { node, because } of bad) excluded.add(node, `${because}.`);
    if (bad.length > 0) {
      for (const [{ id }] of byBatch()) if (id !== null) await excludeNodes(id, excluded.names());
    }
    await onJudged();
  }

  /** Whether the canary before a result is not judged yet: it was left earlier, but may be seen later. */
  async function waitsForCanary(flight: Flight): Promise<boolean> {
    const isJudged = (await settings.canary?.isJudged(flight.task.attemptFolder)) ?? true;
    return !isJudged && missingMs(flight) <= times.resultOfCompleted;
  }

  function unsubmitted(): Flight[] {
    return [...flights].filter(({ batch }) => batch === null);
  }

  function byBatch(): Map<Batch, Flight[]> {
    const names = new Map<string, [Batch, Flight[]]>();
    for (const flight of flights) {
      if (flight.batch === null) continue;
      const known = names.get(flight.batch.name) ?? [flight.batch, []];
      // All of them share one object, which learns the id of the array job.
      flight.batch = known[0];
      known[1].push(flight);
      names.set(flight.batch.name, known);
    }
    return new Map(names.values());
  }

  async function submitAll(): Promise<void> {
    for (const { avoided, members } of await elsewhere.groups(unsubmitted(), new Set(excluded.names()))) {
      for (let at = 0; at < members.length; at += mostPerArray) {
        await submitArray(members.slice(at, at + mostPerArray), avoided);
      }
    }
  }

  async function submitArray(members: readonly Flight[], avoided: readonly string[]): Promise<void> {
    const tasks = members.map(({ task }) => task);
    const batch = await makeBatch(settings.folder, tasks, settings.imagesKey);
    await noteAvoided(batch, avoided);
    for (const [index, flight] of members.entries()) {
      Object.assign(flight, { batch, index, missingSince: null });
      await writeIssued(flight.task.attemptFolder, { batch: batch.name, index });
    }
    try {
      batch.id = await submitBatch(batch, tasks, settings.options, [...excluded.names(), ...avoided]);
    } catch (error) {
      for (const flight of members) await returnToQueue(flight);
      await removePath(batch.folder).catch(() => {});
      if (avoided.length === 0) throw excluded.explain(error);
      // Slurm may have no other node for it; submitting it again, for any node, tells.
      for (const task of tasks) elsewhere.forget(task);
    }
  }

  async function returnToQueue(flight: Flight): Promise<void> {
    const { batch, index } = flight;
    flight.batch = null;
    askedAt = Date.now();
    await writeIssued(flight.task.attemptFolder, { batch: null, index: 0 });
    if (batch !== null) await giveUp(batch, index);
  }

  /** Notes that a task is not waited for any more, and closes its batch if it was the last. */
  async function giveUp(batch: Batch, index: number): Promise<void> {
    strays.giveUp(batch, index);
    const isWatched = [...flights].some((each) => each.batch?.name === batch.name);
    if (!isWatched && !(await isNeeded(batch))) await close(batch);
  }

  async function close(batch: Batch): Promise<void> {
    await closing.add(batch);
    beFollowing();
  }

  /** Looks at the array job of a batch, takes in results and voids attempts that left none. */
  async function look(batch: Batch, members: readonly Flight[]): Promise<Seen[]> {
    const state = await stateOfBatch(batch);
    const id = batch.id;
    if (state?.kind === 'unreachable' && !isSilent) {
      warn(`Slurm does not answer (${state.said || 'no reason given'}). Waiting.`);
    }
    isSilent = state?.kind === 'unreachable';
    // An sbatch that outlived a killed coordinator may still submit it.
    if (state === null) await cancel(batch.name);
    const tasks = state?.kind === 'known' ? state.tasks : [];
    if (id !== null) {
      await strays.end(batch, id, tasks, false);
      if (tasks.some(({ phase }) => phase === 'queued')) {
        await liftAvoided(batch, id, times.elsewhere, excluded.names());
      }
    }
    const found = new Map(tasks.map((each) => [each.index, each]));
    const seen: Seen[] = [];
    for (const flight of members) {
      const { task, index } = flight;
      if (!flights.has(flight)) continue;
      const own = found.get(index);
      if (own !== undefined && own.phase !== 'ended') flight.missingSince = null;
      if (own?.phase === 'queued' && !own.stuck) {
        seen.push(queued(task, own.reason)); // not looked for: thousands may wait
      } else if (await hasResult(task.attemptFolder)) {
        if (await waitsForCanary(flight)) seen.push(await running(task, null));
        else await finish(flight, batch, await taken(flight), own?.node ?? null);
      } else if (state?.kind === 'unreachable') {
        seen.push(queued(task, 'Slurm does not answer'));
      } else if (state === null || id === null) {
        // What has started was submitted, and is forgotten since.
        if (hasStarted(batch, index)) await miss(flight, batch, async () => unknown, times.resultOfFailed);
        else await returnToQueue(flight);
      } else {
        if (own === undefined) await miss(flight, batch, () => forgotten(batch, index), times.resultOfFailed);
        else await act(flight, batch, id, own, seen);
      }
    }
    return seen;
  }

  /** Acts on the state of a task that left no result. */
  async function act(
    flight: Flight,
    batch: Batch,
    id: string,
    found: TaskState,
    seen: Seen[],
  ): Promise<void> {
    const { task } = flight;
    const startSeconds = times.start / 1000;
    if (found.phase === 'running' && found.runSeconds > startSeconds && !hasStarted(batch, found.index)) {
      // A slurmd that dies while it launches a task loses it, and Slurm may notice at the time limit only.
      await voided(flight, batch, `it did not start within ${startSeconds} s: ${found.words}`, found.node);
    } else if (found.phase === 'running') {
      seen.push(await running(task, found.node));
    } else if (found.stuck) {
      await cancel(batch.name, [`${id}_${found.index}`]);
      // Without the nodes that are left out there may be none that fits; submitting it again tells.
      if (excluded.names().length > 0 || isAvoiding(batch)) {
        elsewhere.forget(task);
        await returnToQueue(flight);
      } else {
        await voided(flight, batch, `it never started: ${found.words}`, null);
      }
    } else if (found.node !== null && Object.values<number>(leftOut).includes(found.exitStatus)) {
      await excluded.addUnfit(found.node, found.exitStatus, batch);
      await excludeNodes(id, excluded.names());
      await returnToQueue(flight);
    } else {
      const words = async () => found.words;
      const mostMs = found.completed ? times.resultOfCompleted : times.resultOfFailed;
      await miss(flight, batch, words, mostMs, found.node);
    }
  }

  async function miss(
    flight: Flight,
    batch: Batch,
    words: () => Promise<string>,
    mostMs: number,
    node: string | null = null,
  ): Promise<void> {
    if (missingMs(flight) > mostMs) await voided(flight, batch, await words(), node);
  }

  async function voided(flight: Flight, batch: Batch, words: string, node: string | null): Promise<void> {
    // It may still run: on a node that Slurm lost, or under a controller that forgot it.
    if (batch.id !== null) await cancel(batch.name, [`${batch.id}_${flight.index}`]);
    const last = await lastWords(logOf(batch, flight.index));
    const evidence = [
      `the attempt left no result; Slurm says: ${words}`,
      ...(last === null ? [] : [`the last line of its log: ${last}`]),
    ];
    await finish(flight, batch, await voidIt(flight, evidence), node);
  }

  async function taken(flight: Flight): Promise<RunRecord> {
    try {
      return await takeInResult(flight.task, settings.evaluator);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return voidIt(flight, [`what the node returned does not count: ${error.message}`]);
    }
  }

  function voidIt({ task, start, machine }: Flight, evidence: readonly string[]): Promise<RunRecord> {
    const { limits } = start;
    const { evaluator } = settings;
    return voidAttempt(task, { verdict: 'INFRA_FAULT', evidence, limits, machine, evaluator });
  }

  async function finish(flight: Flight, batch: Batch, record: RunRecord, node: string | null): Promise<void> {
    if (record.verdict === 'INFRA_FAULT' && node !== null) elsewhere.lost(flight.task, node);
    flight.remove();
    try {
      await giveUp(batch, flight.index);
    } finally {
      flight.settle(record);
    }
  }
}

/** Returns for how long an attempt has been seen to lack its result. */
function missingMs(flight: Flight): number {
  flight.missingSince ??= Date.now();
  return Date.now() - flight.missingSince;
}

const unknown = 'the job is not known, and its id never came back';

/** Asks the accounting about a task that Slurm has forgotten. */
async function forgotten({ id, name }: Batch, index: number): Promise<string> {
  const accounted = id === null ? null : await lookInAccounting(id, index, name);
  return accounted === null
    ? `job ${id}_${index} is not known any more, and there is no accounting`
    : `job ${id}_${index}: ${accounted}`;
}
