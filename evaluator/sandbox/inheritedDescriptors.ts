import type { StdioOptions } from 'node:child_process';
import { openSync, readdirSync, readFileSync } from 'node:fs';

type Stdio = Exclude<StdioOptions, string>;

const closeOnExec = 0o2000000; // O_CLOEXEC on every platform that Node has builds for; /proc/PID/fdinfo is in octal
let devNull: number | undefined;

/**
 * The `stdio` of a child, extended so that no descriptor passes on to it that is not named there. Node opens its own
 * so that they end with `exec`, and when it starts it sees to those that were open already, but only as far as they
 * are numbered in one row: a CI runner's number 251 is left open to every child, and `ignore` leaves it so. In the
 * child such a descriptor is /dev/null.
 */
export function shutInherited(stdio: Stdio): Stdio {
  const shut: Stdio = [...stdio];
  for (const descriptor of inherited()) {
    while (shut.length <= descriptor) shut.push('ignore');
    if (shut[descriptor] === 'ignore') shut[descriptor] = devNull ??= openSync('/dev/null', 'r');
  }
  return shut;
}

/** Descriptors above standard error that a child of ours would get. */
function inherited(): number[] {
  try {
    return readdirSync('/proc/self/fd').map(Number).filter(isPassedOn);
  } catch {
    return []; // no /proc to ask
  }
}

function isPassedOn(descriptor: number): boolean {
  if (descriptor <= 2) return false;
  try {
    const facts = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1');
    const flags = /^flags:\s*([0-7]+)$/m.exec(facts);
    return flags !== null && (Number.parseInt(flags[1]!, 8) & closeOnExec) === 0;
  } catch {
    return false; // the one that the list was read through
  }
}
