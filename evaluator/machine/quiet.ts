import { lookAtOthers } from './contention.ts';
import { readSystemFile } from './machine.ts';
import { findDoubts } from './machineDoubts.ts';

const lookMs = 1000;

/** Lists what could make timings on this machine unreliable, one sentence each with its remedy. */
export function machineWarnings(): string[] {
  return findDoubts(readSystemFile)
    .filter(({ remedy }) => remedy !== null)
    .map(({ name, value, remedy }) => `${name}: ${value}; ${remedy}`);
}

/**
 * Waits until other work on the machine ends, sampling one second at a time.
 * @param cpus number of CPUs that an entry will get
 * @param most share of them that other work may use, a fraction of 1
 * @param patienceSeconds maximum wait; 0: one sample
 * @returns remarks for the evidence; empty if the machine is quiet or not measurable
 */
export async function waitForQuiet(
  { cpus, most, patienceSeconds }: { cpus: number; most: number; patienceSeconds: number },
  tell: (sentence: string) => void,
  abort: AbortSignal,
): Promise<string[]> {
  const giveUpAt = performance.now() + 1000 * patienceSeconds;
  for (let told = false; ; told = true) {
    const found = await lookAtOthers(lookMs, cpus);
    if (found === null || found.share <= most || abort.aborted) return [];
    const busy = `${(100 * found.share).toFixed(0)} % of the ${cpus} CPUs`;
    if (performance.now() >= giveUpAt) {
      const waited = patienceSeconds > 0 ? `, after a wait of ${patienceSeconds} s` : '';
      return [`before the run, others used ${busy}${waited}`];
    }
    if (told) continue;
    const who = found.busiest.map(({ command }) => command).join(', ');
    tell(`The machine is busy: others use ${busy} (${who || 'stolen by the hypervisor'}). Waiting.`);
  }
}
