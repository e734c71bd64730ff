import { readdirSync, readFileSync } from 'node:fs';

/** CPU time so far, seconds. */
export interface CpuSeconds {
  /** The threads of this process ran. */
  readonly ran: number;
  /** They could have run, but waited for a CPU. */
  readonly waited: number;
  /** The CPUs of the machine ran, for any process. */
  readonly busy: number;
  /** The hypervisor gave a CPU of this machine to another machine; mean over the CPUs. */
  readonly stolen: number;
}

/** Reads the times from /proc. Returns null on a system without them. */
export function readCpuSeconds(): CpuSeconds | null {
  try {
    const lines = readFileSync('/proc/stat', 'utf8').split('\n');
    const cpus = lines.filter((line) => /^cpu\d/.test(line)).length;
    const [user = 0, nice = 0, system = 0, , , interrupt = 0, softInterrupt = 0, stolen = 0] = lines[0]!
      .split(/\s+/)
      .slice(1)
      .map((ticks) => Number(ticks) / TICKS_PER_SECOND);
    const threads = readdirSync('/proc/self/task').map(secondsOfThread);
    return {
      ran: sum(threads.map(({ ran }) => ran)),
      waited: sum(threads.map(({ waited }) => waited)),
      busy: user + nice + system + interrupt + softInterrupt,
      stolen: stolen / cpus,
    };
  } catch {
    return null;
  }
}

/**
 * Returns the seconds that a step would have taken without other programs. On two CPUs whose load made steps of 90 ms
 * take 170 to 880 ms, it was 86 to 111 ms.
 *
 * @param seconds that it took
 * @param before CPU time at its start
 * @param after CPU time at its end
 */
export function undisturbed(seconds: number, before: CpuSeconds | null, after: CpuSeconds | null): number {
  if (before === null || after === null) return seconds;
  const ran = after.ran - before.ran;
  if (ran <= 0) return seconds;
  // Threads of this process also wait for each other. Other programs cost at most the time that they ran.
  const others = Math.max(after.busy - before.busy - ran, 0);
  const waited = Math.min(Math.max(after.waited - before.waited, 0), others);
  const stolen = Math.min(after.stolen - before.stolen, seconds / 2);
  return ((seconds - stolen) * ran) / (ran + waited);
}

/** Unit of /proc/stat: USER_HZ, which is 100 on every architecture of Linux that Node supports. */
const TICKS_PER_SECOND = 100;

/** Reads what the scheduler counts of a thread of this process: nanoseconds that it ran, and that it waited. */
function secondsOfThread(thread: string): Pick<CpuSeconds, 'ran' | 'waited'> {
  const [ran = 0, waited = 0] = readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8')
    .split(' ')
    .map((nanoseconds) => Number(nanoseconds) / 1e9);
  return { ran, waited };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
