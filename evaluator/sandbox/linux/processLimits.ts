import { readFileSync } from 'node:fs';

/** What each process of a stage is held to in every sandbox that fences (setrlimit(2)). */
const processLimits = {
  /** Bytes of a core dump: an entry leaves no image of its memory behind. */
  core: 0,
  /** Open files. */
  nofile: 65_536,
} as const;

/** The limits, as names and values of prlimit(1); no more open files than this process may grant. */
export function grantedLimits(): readonly (readonly ['core' | 'nofile', number])[] {
  const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  const nofile = Math.min(processLimits.nofile, hard === undefined ? Number.POSITIVE_INFINITY : Number(hard));
  return [
    ['core', processLimits.core],
    ['nofile', nofile],
  ];
}

/** Words that set the limits for what follows them. */
export function prlimitWords(): string[] {
  return ['prlimit', ...grantedLimits().map(([name, value]) => `--${name}=${value}`), '--'];
}
