// One grading on a real Slurm cluster while its parts are killed: on a schedule that a seed draws, and once at every
// state of an attempt and of a job. The schedule says who is killed and when; what is running then depends on the
// machine, so the same seed does not give the same run.
import { mkdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { randomFrom } from '../../datasets/random.ts';
import type { Standing } from '../../evaluator/grade/standing.ts';
import { type Grade, startGrade } from '../grading/startGrade.ts';
import type { Stubs } from '../grading/stubs.ts';
import type { SlurmCluster } from '../slurmCluster.ts';
import { watchStates } from './events.ts';
import { leftRunning } from './leftRunning.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { makeFaultySbatch, type SbatchFault } from './sbatchFaults.ts';
import { createAttacker, type Victim } from './victims.ts';

export interface ChaosPlan {
  readonly cluster: SlurmCluster;
  readonly nodes: readonly string[];
  readonly stubs: Stubs;
  readonly seeds: number;
  /** Folder of an undisturbed grading of the same stubs. */
  readonly reference: string;
  /** New folder, for this grading. */
  readonly place: string;
  readonly seed: number;
  /** Average milliseconds between two attacks of the schedule, and their number. */
  readonly everyMs: number;
  readonly attacks: number;
  /** Most milliseconds before a coordinator that was killed is called again. */
  readonly restMs: number;
  /** In which a task must begin: a slurmd that is killed while it launches one loses it. */
  readonly startSeconds: number;
  /** Victims of the schedule. */
  readonly victims: readonly Victim[];
  /** Those that are attacked once at every state. */
  readonly atStates: readonly Victim[];
  readonly sbatchFaults: readonly SbatchFault[];
  readonly tell: (sentence: string) => void;
}

/** What was done, and what came out. */
export interface Chaos {
  readonly scheduled: ReadonlyMap<Victim, number>;
  /** Who was attacked when an attempt or a job had just reached a state. */
  readonly atStates: ReadonlyMap<string, readonly Victim[]>;
  readonly sbatch: readonly SbatchFault[];
  /** Calls of the coordinator. */
  readonly calls: number;
  /** Nodes that Slurm drained and an operator returned to service. */
  readonly resumed: number;
  /** Decisions by a person that were needed, because retries were used up. */
  readonly decisions: number;
  readonly seconds: number;
  readonly outcome: Outcome;
}

/** Calls of the coordinator before it is given up. */
const mostCalls = 400;
/** Time between two attacks at states, in which the first one shows. */
const pauseMs = 700;
/** Between two looks of the operator. */
const operatorMs = 5000;

/** Grades stubs while parts of the cluster are attacked. */
export async function runChaos(plan: ChaosPlan): Promise<Chaos> {
  const { cluster, nodes, place, stubs, tell } = plan;
  const startedAt = performance.now();
  const out = `${place}/out`;
  await mkdir(out, { recursive: true });
  await writeFile(stubs.ledger, '');
  const sbatch = await makeFaultySbatch(place);
  const [times, choices] = [randomFrom(plan.seed), randomFrom(plan.seed + 1)];
  const draw = (below: number) => uniformInt(choices, 0, below - 1);
  let coordinator: Grade | null = null;
  const killCoordinator = () => coordinator?.child.kill('SIGKILL') ?? false;
  const attacker = createAttacker({ cluster, nodes, killCoordinator, draw });
  const scheduled = new Map<Victim, number>();
  const atStates = new Map<string, Victim[]>();
  const armed = [...plan.sbatchFaults];
  const faults: string[] = [];
  const over = new AbortController();
  let resumed = 0;

  const supervising = supervise().finally(() => over.abort());
  const [ended] = await Promise.all([
    supervising,
    watchStates(cluster, out, over.signal, atState()),
    followSchedule(),
    operate(),
  ]);
  await attacker.repaired();
  faults.push(...(await leftRunning(cluster, stubs.mark)));
  const outcome = outcomeOf(out, plan.reference, ended.standing, stubs);
  return {
    ...{ scheduled, atStates, resumed, calls: ended.calls, decisions: ended.decisions },
    sbatch: plan.sbatchFaults.slice(0, plan.sbatchFaults.length - armed.length - (sbatch.isSpent() ? 0 : 1)),
    seconds: (performance.now() - startedAt) / 1000,
    outcome: { ...outcome, faults: [...faults, ...outcome.faults] },
  };

  /** Attacks one victim after the other, each when some attempt or job reaches the state. */
  function atState() {
    let attackedAt = 0;
    return (state: string, attempt: string | null) => {
      const done = atStates.get(state) ?? [];
      atStates.set(state, done);
      if (performance.now() - attackedAt < pauseMs) return;
      const left = plan.atStates.filter((each) => !done.includes(each));
      const victim = left.find((each) => attacker.attack(each, attempt));
      if (victim === undefined) return;
      attackedAt = performance.now();
      done.push(victim);
      tell(`${victim}, at ${state}`);
    };
  }

  async function followSchedule(): Promise<void> {
    for (let made = 0; made < plan.attacks && !over.signal.aborted; ) {
      await sleep(uniformInt(times, 0, 2 * plan.everyMs));
      const victim = plan.victims[uniformInt(times, 0, plan.victims.length - 1)]!;
      await armNext();
      if (over.signal.aborted || !attacker.attack(victim, null)) continue;
      made += 1;
      scheduled.set(victim, (scheduled.get(victim) ?? 0) + 1);
      tell(victim);
    }
  }

  async function operate(): Promise<void> {
    while (!over.signal.aborted) {
      for (const sentence of attacker.resumeDrained()) {
        resumed += 1;
        tell(sentence);
      }
      await sleep(operatorMs);
    }
  }

  async function armNext(): Promise<void> {
    const next = sbatch.isSpent() ? armed.shift() : undefined;
    if (next !== undefined) await sbatch.arm(next);
  }

  /** Calls the coordinator until it ends by itself with a result for every job. */
  async function supervise(): Promise<{ standing: Standing | null; calls: number; decisions: number }> {
    const env = {
      ...cluster.env,
      PATH: `${sbatch.folder}:${cluster.env.PATH}`,
      HAET_SLURM_START_SECONDS: String(plan.startSeconds),
    };
    let repeat: string[] = [];
    let decisions = 0;
    for (let calls = 1; calls <= mostCalls; calls++) {
      await armNext();
      const words = ['--executor', 'slurm', '--retries', '10', '--seeds', String(plan.seeds), ...repeat];
      coordinator = startGrade(stubs, out, words, env);
      const { code, standing, stderr } = await coordinator.ended;
      coordinator = null;
      const leftOut = stderr.split('\n').filter((line) => line.includes('is left out'));
      faults.push(...leftOut.map((line) => `a node that is fit was left out: ${line}`));
      if (code === 0) return { standing, calls, decisions };
      repeat = [];
      if (code === null) {
        await sleep(draw(plan.restMs));
        continue;
      }
      const row = standing?.rows.find(({ toDecide }) => toDecide.length > 0);
      if (row === undefined) {
        const last = stderr.trim().split('\n').slice(-3).join(' / ');
        faults.push(`a call of haet grade ended with ${code}: ${last}`);
      } else {
        repeat = ['--repeat', `${row.archive}:${row.toDecide[0]}`, '--because', 'its retries were used up'];
        decisions += 1;
      }
    }
    faults.push(`no result after ${mostCalls} calls`);
    return { standing: null, calls: mostCalls, decisions };
  }
}
