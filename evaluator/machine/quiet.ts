import { lookAtOthers } from './contention.ts';
import { readSystemFile } from './machine.ts';
import { findDoubts } from './machineDoubts.ts';

const lookMs = 1000;

/** What on this machine could make timings unreliable, one sentence each with its remedy. */
export function machineWarnings(): string[] {
  return findDoubts(readSystemFile)
    .filter(({ remedy }) => remedy !== null)
    .map(({ name, value, remedy }) => `${name}: ${value}; ${remedy}`);
}

/**
 * Waits until others leave the machine alone: looks for one second, again and again.
 * @param cpus that an entry is to be given
 * @param most what others may use of them, a fraction of 1
 * @param patienceSeconds how long at most; 0: one look
 * @returns what to say in the evidence of a run that starts now: nothing where it is quiet, or cannot be seen
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
