import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SlurmCluster } from '../slurmCluster.ts';
import { readJson } from './events.ts';

/** What is killed (kill -9), or done to a running job. */
export const victims = [
  'task',
  'coordinator',
  'slurmd',
  'slurmctld',
  'node',
  'job: preempted',
  'job: cancelled',
] as const;
export type Victim = (typeof victims)[number];
/** Those that are killed by kill -9. */
export const killed: readonly Victim[] = ['task', 'coordinator', 'slurmd', 'slurmctld', 'node'];

/** Further lines of slurm.conf: jobs of the partition `urgent` end those of others. */
export const preemption = (nodes: readonly string[]): string[] => [
  'PreemptType=preempt/partition_prio',
  'PreemptMode=CANCEL',
  'MinJobAge=60',
  // A task that a slurmd lost while it launched it is missed when the slurmd is back.
  'BatchStartTimeout=1',
  `PartitionName=urgent Nodes=${nodes.join(',')} PriorityTier=100 MaxTime=INFINITE State=UP`,
];

/** What chaos can be done to. */
export interface Scene {
  readonly cluster: SlurmCluster;
  readonly nodes: readonly string[];
  /** Kills the coordinator; false if there is none at the moment. */
  readonly killCoordinator: () => boolean;
  /** Returns an integer from 0 to `below` - 1. */
  readonly draw: (below: number) => number;
}

/** Does things to a cluster, and repairs it after some time. */
export interface Attacker {
  /**
   * Attacks a victim.
   * @param attempt folder of the attempt whose task is meant; null: any
   * @returns whether it was there
   */
  attack(victim: Victim, attempt: string | null): boolean;
  /**
   * Returns nodes that Slurm has drained to service, as an operator does. A slurmctld that was killed just after it
   * started a task starts it again, and drains the node because it has it already: `Duplicate jobid`.
   * @returns one sentence per node
   */
  resumeDrained(): string[];
  /** Waits until everything that was killed has been started again. */
  repaired(): Promise<void>;
}

/** Creates the attacker of a scene. */
export function createAttacker({ cluster, nodes, killCoordinator, draw }: Scene): Attacker {
  const down = new Set<string>();
  const repairs = new Set<Promise<void>>();
  const later = (name: string, milliseconds: number, repair: () => void) => {
    down.add(name);
    const repairing = sleep(milliseconds).then(() => {
      repair();
      down.delete(name);
      repairs.delete(repairing);
    });
    repairs.add(repairing);
  };
  const one = <T>(values: readonly T[]): T | undefined => values[values.length && draw(values.length)];
  const quietly = (program: string, ...words: string[]) => {
    // Slurm's programs wait ten seconds for a controller, and nothing here is repaired meanwhile.
    if (down.has('slurmctld')) return null;
    try {
      return cluster.run(program, ...words);
    } catch {
      return null; // the controller has not begun to answer
    }
  };
  const runningJob = () => {
    const ids = quietly('squeue', '--noheader', '--states=running', '--format=%i') ?? '';
    return one(ids.split('\n').filter((id) => id.includes('_')));
  };

  const attacks: Record<Victim, (attempt: string | null) => boolean> = {
    coordinator: killCoordinator,
    task: (attempt) => {
      const own = attempt === null ? 'node-task' : taskOf(attempt);
      const pid = own === null ? undefined : one(cluster.processesWith(own));
      return pid !== undefined && kill(pid);
    },
    slurmd: () => {
      const node = one(nodes.filter((each) => !down.has(each)));
      if (node === undefined) return false;
      cluster.killNode(node, 'SIGKILL');
      later(node, 300 + draw(3000), () => cluster.startNode(node));
      return true;
    },
    slurmctld: () => {
      if (down.has('slurmctld')) return false;
      cluster.killController();
      later('slurmctld', 300 + draw(4000), () => cluster.reviveController());
      return true;
    },
    // Its daemon dies and Slurm takes it for lost, while what runs there goes on.
    node: () => {
      const node = one(nodes.filter((each) => !down.has(each)));
      if (node === undefined || down.has('slurmctld')) return false;
      cluster.killNode(node, 'SIGKILL');
      quietly('scontrol', 'update', `NodeName=${node}`, 'State=DOWN', 'Reason=chaos');
      later(node, 2000 + draw(3000), () => cluster.startNode(node));
      return true;
    },
    'job: preempted': () => {
      if (runningJob() === undefined) return false;
      // Slurm would hold one that it could not launch, for an operator.
      const words = ['--partition=urgent', '--exclusive', '--time=1', '--no-requeue'];
      words.push('--output=/dev/null', '--chdir=/');
      return quietly('sbatch', ...words, '--job-name=urgent', '--wrap', 'sleep 1') !== null;
    },
    'job: cancelled': () => {
      const id = runningJob();
      return id !== undefined && quietly('scancel', id) !== null;
    },
  };
  return {
    attack: (victim, attempt) => attacks[victim](attempt),
    resumeDrained() {
      const lines =
        quietly('sinfo', '--noheader', '--Node', `--nodes=${nodes.join()}`, '--format=%N %T %E') ?? '';
      return [...new Set(lines.split('\n'))].flatMap((line) => {
        const [, node, reason] = /^(\S+) drain(?:ed|ing)\S* (.+)$/.exec(line) ?? [];
        if (node === undefined || down.has(node)) return [];
        const done = quietly('scontrol', 'update', `NodeName=${node}`, 'State=RESUME') !== null;
        return done ? [`${node} was drained (${reason}) and resumed`] : [];
      });
    },
    async repaired() {
      while (repairs.size > 0) await Promise.all(repairs);
      for (const node of nodes) {
        // Slurm may have taken it for lost in the meantime.
        const state = quietly('sinfo', '--noheader', `--nodes=${node}`, '--format=%T') ?? '';
        if (/down|drain/.test(state)) quietly('scontrol', 'update', `NodeName=${node}`, 'State=RESUME');
      }
    },
  };
}

/** Returns the end of the command line of an attempt's task; null before it is issued. */
function taskOf(attempt: string): string | null {
  const { batch, index } = readJson(join(attempt, 'issued.json')) ?? {};
  return batch == null ? null : `${batch}/task-${index}.json`;
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}
