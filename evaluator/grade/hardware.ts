import type { RunRecord } from '../run/record.ts';
import type { Row } from './leaderboard.ts';

/**
 * Describes the hardware of a run: whatever of the machine changes how much an entry can compute in its time. The CPU
 * features decide which engine the reference submission uses. Of GPUs, those that the entry could use count.
 */
export function hardwareOf({
  machine,
  limits,
  gpus,
}: Pick<RunRecord, 'machine' | 'limits' | 'gpus'>): string {
  const { cpu, cores, memoryBytes, features } = machine;
  const parts = [
    cpu,
    `${cores} ${cores === 1 ? 'core' : 'cores'} (${limits.cpus} given)`,
    `${gibibytes(memoryBytes)} GiB (${gibibytes(limits.memoryBytes)} given)`,
  ];
  return [...parts, ...(features.length === 0 ? [] : [features.join(' ')]), ...gpuModels(gpus)].join(', ');
}

/** Names the models of GPUs, each with their number. */
export function gpuModels(gpus: RunRecord['gpus']): string[] {
  const models = gpus.map(({ model }) => model).sort();
  return [...new Set(models)].map((model) => {
    const count = models.filter((each) => each === model).length;
    return `${count} ${count === 1 ? 'GPU' : 'GPUs'} ${model}`;
  });
}

/** Rounded, because equal machines report slightly different sizes. */
const gibibytes = (bytes: number): number => Math.round(bytes / 2 ** 30);

type Ranked = Pick<Row, 'archive' | 'sha256' | 'rank' | 'runs'>;

/**
 * Returns the archives beside a row (same rank, the rank above, the rank below) whose runs were made on other hardware,
 * so that hardware may have decided which of the two is ahead; empty without a rank.
 * @param ranked all rows with a rank
 */
export function otherHardwareBeside(row: Ranked, ranked: readonly Ranked[]): string[] {
  const ranks = [...new Set(ranked.map(({ rank }) => rank!))].sort((a, b) => a - b);
  const at = ranks.indexOf(row.rank ?? Number.NaN);
  if (at === -1) return [];
  const near = [ranks[at - 1], ranks[at], ranks[at + 1]];
  return ranked
    .filter((other) => near.includes(other.rank!) && machinesOf(other) !== machinesOf(row))
    .map(({ archive }) => archive);
}

const machinesOfRuns = new WeakMap<Ranked['runs'], string>();

/** The machines of all runs, however they are spread over the seeds. Kept, because rows are compared with each other. */
function machinesOf({ runs }: Ranked): string {
  let known = machinesOfRuns.get(runs);
  if (known === undefined) {
    const machines = runs.map(({ machine }) => machine);
    known = machines.sort().join('\n');
    machinesOfRuns.set(runs, known);
  }
  return known;
}
