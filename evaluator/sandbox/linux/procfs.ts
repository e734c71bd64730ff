import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { ProcessSample } from '../sandbox.ts';

/** One process as /proc/PID/stat shows it, with memory in bytes and CPU time in seconds. */
export interface ProcessFacts extends ProcessSample {
  readonly parent: number;
  readonly session: number;
}

// The kernel reports times to programs in units of 1/100 s on every Linux platform (USER_HZ).
const ticksPerSecond = 100;
const pageBytes = readPageBytes();

/**
 * Lists every live process that a proc file system shows, without zombies. Synchronous: about 10 µs per process, less
 * than the thread pool would cost.
 * @param root mount point, e.g. /proc
 */
export function listProcesses(root: string): ProcessFacts[] {
  const found: ProcessFacts[] = [];
  for (const name of readdirSync(root)) {
    if (!/^\d+$/.test(name)) continue;
    const facts = readProcess(root, name);
    if (facts !== null) found.push(facts);
  }
  return found;
}

/** Reads one process; null if it is dead or gone. */
export function readProcess(root: string, pid: number | string): ProcessFacts | null {
  try {
    return parseStat(readFileSync(`${root}/${pid}/stat`, 'latin1'));
  } catch {
    return null; // it ended meanwhile
  }
}

/** Tells whether a process was sent SIGKILL, is exiting, or is gone, so that none of its threads executes its own code. */
export function hasFatalSignal(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const pending = /^SigPnd:\s*([0-9a-f]+)\nShdPnd:\s*([0-9a-f]+)$/m.exec(status);
    const sigkill = 1n << 8n;
    if (pending?.slice(1).some((mask) => (BigInt(`0x${mask}`) & sigkill) !== 0n)) return true;
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const flags = Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[6]);
    return (flags & 0x4) !== 0; // PF_EXITING
  } catch {
    return true; // it is gone
  }
}

/** A process namespace whose name is not reused until it is released. */
export interface HeldNamespace {
  /** Lists the ids, on this machine, of the live processes inside, except those that we may not inspect. */
  list(): number[];
  release(): void;
}

/**
 * Holds the process namespace of a process. The kernel reuses the name of a namespace soon after its end: without a hold,
 * a listing after a kill could find the processes of another stage that has just started.
 * @throws Error if the process is gone
 */
export function holdProcessNamespace(pid: number): HeldNamespace {
  const descriptor = openSync(`/proc/${pid}/ns/pid`, 'r');
  const namespace = readlinkSync(`/proc/self/fd/${descriptor}`);
  let released = false;
  return {
    list: () => {
      if (released) throw new Error('the namespace was released');
      return processesInNamespace(namespace);
    },
    release() {
      if (!released) closeSync(descriptor);
      released = true;
    },
  };
}

/** Returns the kernel's name of the process namespace that a process is in. @throws Error if the process is gone */
export function processNamespaceOf(pid: number | string): string {
  return readlinkSync(`/proc/${pid}/ns/pid`);
}

function processesInNamespace(namespace: string): number[] {
  const isInside = (pid: string) => {
    try {
      return processNamespaceOf(pid) === namespace && readProcess('/proc', pid) !== null;
    } catch {
      return false; // it ended meanwhile, or belongs to another user
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isInside(name))
    .map(Number);
}

/** Parses one line of /proc/PID/stat (proc_pid_stat(5)); null if it is dead. The name may contain any byte, also `)`. */
export function parseStat(line: string): ProcessFacts | null {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state, threads] = [fields[0], Number(fields[17])];
  // A process whose first thread has ended while another runs on is also in state Z: it is alive.
  if (state === 'X' || (state === 'Z' && threads <= 1)) return null;
  return {
    pid: Number.parseInt(line, 10),
    parent: Number(fields[1]),
    session: Number(fields[3]),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
    startTicks: Number(fields[19]),
    memoryBytes: Number(fields[21]) * pageBytes,
  };
}

/** Reads the page size from the auxiliary vector (getauxval(3), AT_PAGESZ): pairs of 64-bit words, type and value. */
function readPageBytes(): number {
  try {
    const words = readFileSync('/proc/self/auxv');
    for (let at = 0; at + 16 <= words.length; at += 16) {
      if (words.readBigUInt64LE(at) === 6n) return Number(words.readBigUInt64LE(at + 8));
    }
  } catch {
    // not Linux, or hidden
  }
  return 4096;
}

/** Returns the number of processes that the kernel's out-of-memory killer has killed since boot; null if unknown. */
export function outOfMemoryKills(): number | null {
  try {
    const match = /^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'latin1'));
    return match ? Number(match[1]) : null;
  } catch {
    return null;
  }
}
