import { UserError } from '../../datasets/userError.ts';
import { entryMemoryBytes } from '../machine/entryMemory.ts';
import type { RunRecord } from '../run/record.ts';
import { type Cpu, usableCpus } from '../sandbox/linux/cpuSet.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';

/** What each of several attempts gets that run on this machine at once. */
export interface Shares {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** One set of CPUs per attempt; no core has CPUs in two of them. */
  readonly cpuSets: readonly (readonly number[])[];
}

/**
 * Divides this machine among attempts that run at once.
 * @param jobs number of attempts, 2 or more
 * @param asked CPUs and memory of each, if the organizer chose them; default: equal shares of all
 * @param usable the CPUs of this process
 * @throws UserError if the shares do not fit
 */
export function shareMachine(
  jobs: number,
  asked: { readonly cpus?: number | undefined; readonly memoryBytes?: number | undefined },
  machine: Pick<RunRecord['machine'], 'cores' | 'memoryBytes'>,
  usable: readonly Cpu[] = usableCpus(),
): Shares {
  const option = `--jobs ${jobs}`;
  const cpus = asked.cpus ?? Math.floor(Math.min(machine.cores, usable.length) / jobs);
  if (cpus < 1 || jobs * cpus > machine.cores) {
    throw new UserError({
      option,
      reason: `needs ${jobs * Math.max(1, cpus)} CPUs, ${Math.max(1, cpus)} per run, but this process may use ${machine.cores}`,
      remedy: 'Give fewer --jobs or fewer --cpus.',
    });
  }
  const most = entryMemoryBytes(machine);
  const memoryBytes = asked.memoryBytes ?? Math.floor(most / jobs);
  if (jobs * memoryBytes > most) {
    throw new UserError({
      option,
      reason: `needs ${jobs * memoryBytes} bytes, ${memoryBytes} per run, but ${most} are available to entries`,
      remedy: 'Give fewer --jobs or less --memory.',
    });
  }
  const cpuSets = cutSets(jobs, cpus, usable);
  if (cpuSets === null) {
    throw new UserError({
      option,
      reason: `with ${cpus} CPUs per run, two runs would share a core of this machine and slow each other down`,
      remedy: 'Give fewer --jobs, or a number of --cpus that takes whole cores.',
    });
  }
  return { cpus, memoryBytes, cpuSets };
}

/** Cuts sets of CPUs that share no core; null if there are not enough cores. */
function cutSets(jobs: number, cpus: number, usable: readonly Cpu[]): number[][] | null {
  const names = [...new Set(usable.map(({ core }) => core))];
  const cores = names.map((name) => usable.filter(({ core }) => core === name));
  const sets: number[][] = [];
  for (let job = 0; job < jobs; job++) {
    const set: number[] = [];
    while (set.length < cpus) {
      const core = cores.shift();
      if (core === undefined) return null;
      set.push(...core.map(({ cpu }) => cpu).slice(0, cpus - set.length));
    }
    sets.push(set);
  }
  return sets;
}

/**
 * Refuses to run several attempts at once on this machine where a run could not be right.
 * @param isSealed whether the Track is sealed
 * @throws UserError
 */
export function requireSeparable(
  jobs: number,
  sandbox: Pick<Sandbox, 'kind'>,
  isSealed: boolean,
  isRoot: boolean = process.getuid?.() === 0,
): void {
  if (isSealed) {
    throw new UserError({
      option: `--jobs ${jobs}`,
      reason:
        'on a sealed Track, an entry that predicts could tell another that still trains what the test images look like, through the page cache of this machine',
      remedy: 'Leave --jobs away, or run on several machines with --executor slurm.',
    });
  }
  if (sandbox.kind === 'docker' && !isRoot) {
    throw new UserError({
      option: `--jobs ${jobs}`,
      reason:
        'without root, the containers of one run cannot be told from other work on this machine, so every run would count as disturbed',
      remedy: 'Run haet as root, use --sandbox bubblewrap, or leave --jobs away.',
    });
  }
}
