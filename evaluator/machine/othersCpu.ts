// Theory of operation
//
// A disturbed run is repeated, so an entry must not be able to make its own run look disturbed. CPU time of others is
// therefore summed over their processes and never computed as "all minus the entry". Not counted:
// - the stage: its process list, its control group, the entries' user, and all descendants of ours, because an orphan
//   of a stage is adopted by the first process of its namespace, by us or by an ancestor of ours;
// - our ancestors, including the machine's first process, which reap the entry's orphans and get their time;
// - kernel threads, which work for an entry that reads, writes or allocates;
// - daemons that work for an entry: the container engine, which moves its output, and crash loggers. The time of a
//   process that died between two samples is added to its parent when the parent waits for it. It is counted if the
//   parent belongs to others, minus the part already counted. A process of a stage has no such parent.
//
// A sample reads /proc/PID/stat of every process, and /proc/PID/cgroup of new ones that used time, about 30 µs each.
import { readdirSync, readFileSync } from 'node:fs';
import { entryUser } from '../sandbox/entryUser.ts';
import type { ProcessSample } from '../sandbox/sandbox.ts';

/** A process from /proc/PID/stat. Times are CPU seconds, user and system. */
export interface ProcessTimes {
  readonly pid: number;
  readonly parent: number;
  readonly startTicks: number;
  readonly isKernel: boolean;
  /** Whether it has ended and was not reaped yet. */
  readonly isZombie: boolean;
  readonly command: string;
  readonly ownSeconds: number;
  /** Time of reaped children, including their own reaped children. */
  readonly childrenSeconds: number;
}

/** Processes by id. */
export type Look = ReadonlyMap<number, ProcessTimes>;

/** CPU time of others since this was created. */
export interface Others {
  /**
   * Takes a sample.
   * @param stage processes of the stage
   */
  look(stage: readonly ProcessSample[]): void;
  readonly used: ReadonlyMap<string, number>;
}

const kernelThread = 0x00200000; // PF_KTHREAD of the kernel's include/linux/sched.h
const ticksPerSecond = 100;
/** Only if a system user runs it, because other users can use any program name. */
const lastSystemUser = 999;
const worksForEntries =
  /^(?:dockerd|containerd|containerd-shim.*|docker-proxy|docker|runc.*|crun|systemd-journal|systemd-coredum|systemd-oomd|rsyslogd|rs:.*|auditd|kauditd|apport|abrt.*|earlyoom)$/;

export function createOthers(): Others {
  const used = new Map<string, number>();
  const groups = new Map<string, string | null>();
  const stageGroups = new Set<string>();
  /** Known descendants of us or the stage; they stay so as orphans. */
  const remembered = new Set<string>();
  const ownGroup = groupsOf('self');
  let before = readLook();
  return {
    used,
    look(stage) {
      const now = readLook();
      const stageKeys = new Set(stage.map((each) => `${each.pid} ${each.startTicks}`));
      const isOfStage = (each: ProcessTimes) => stageKeys.has(keyOf(each)) || remembered.has(keyOf(each));
      const groupOf = (each: ProcessTimes): string | null => {
        const key = keyOf(each);
        if (!groups.has(key)) groups.set(key, groupsOf(each.pid));
        return groups.get(key) ?? null;
      };
      // The stage's process ids may belong to another namespace; use the group only if it is the same process here.
      for (const each of now.values()) {
        if (!stageKeys.has(keyOf(each))) continue;
        const group = groupOf(each);
        if (group !== null && group !== ownGroup) stageGroups.add(group);
      }
      const ours = descendants(now, process.pid, isOfStage);
      const notOthers = new Set([...ours, ...ancestorsAndKernel(now, process.pid)]);
      const isOthers = (each: ProcessTimes) =>
        !notOthers.has(each.pid) && !belongsToEntries(each) && !stageGroups.has(groupOf(each) ?? '');
      for (const [command, seconds] of usedBetween(before, now, isOthers)) {
        used.set(command, (used.get(command) ?? 0) + seconds);
      }
      // Excludes our ancestors, because everything descends from the first of them.
      for (const each of now.values()) if (ours.has(each.pid)) remembered.add(keyOf(each));
      const live = new Set([...now.values()].map(keyOf));
      for (const known of [groups, remembered]) {
        for (const key of known.keys()) if (!live.has(key)) known.delete(key);
      }
      before = now;
    },
  };
}

/** Returns CPU seconds in total and by program name. */
export function cpuOfOthers({ used }: Others): { seconds: number; byCommand: ReadonlyMap<string, number> } {
  return { seconds: [...used.values()].reduce((sum, each) => sum + each, 0), byCommand: used };
}

/** Returns the CPU seconds of other processes between two samples, by program name. */
export function usedBetween(
  before: Look,
  now: Look,
  isOthers: (each: ProcessTimes) => boolean,
): Map<string, number> {
  const same = (a: ProcessTimes | undefined, b: ProcessTimes) => a?.startTicks === b.startTicks;
  /** Per parent: time of dead children already counted. */
  const known = new Map<number, number>();
  for (const each of before.values()) {
    if (same(now.get(each.pid), each)) continue;
    const seconds = each.ownSeconds + each.childrenSeconds;
    known.set(each.parent, (known.get(each.parent) ?? 0) + seconds);
  }
  const used = new Map<string, number>();
  for (const each of now.values()) {
    const earlier = before.get(each.pid);
    // Its owner is unknown now; its time is added to its parent.
    if (each.isZombie && !same(earlier, each)) continue;
    const [own, children] = same(earlier, each) ? [earlier!.ownSeconds, earlier!.childrenSeconds] : [0, 0];
    const reaped = each.childrenSeconds - children - (known.get(each.pid) ?? 0);
    const seconds = each.ownSeconds - own + Math.max(0, reaped);
    if (seconds <= 0 || !isOthers(each)) continue;
    used.set(each.command, (used.get(each.command) ?? 0) + seconds);
  }
  return used;
}

/** Returns the ids of our ancestors and of system processes: the machine's first process and kernel threads. */
export function ancestorsAndKernel(look: Look, self: number): Set<number> {
  const found = new Set<number>([1]);
  for (let pid = look.get(self)?.parent; pid !== undefined && pid > 0; pid = look.get(pid)?.parent) {
    found.add(pid);
  }
  for (const each of look.values()) if (each.isKernel) found.add(each.pid);
  return found;
}

/** Returns the ids of us, of the stage and of all descendants. */
export function descendants(
  look: Look,
  self: number,
  isOfStage: (each: ProcessTimes) => boolean,
): Set<number> {
  const descends = new Map<number, boolean>([[self, true]]);
  const isOurs = (each: ProcessTimes): boolean => {
    const known = descends.get(each.pid);
    if (known !== undefined) return known;
    descends.set(each.pid, false); // a reused parent id could form a cycle
    const parent = look.get(each.parent);
    const ours = isOfStage(each) || (parent !== undefined && isOurs(parent));
    descends.set(each.pid, ours);
    return ours;
  };
  return new Set([...look.values()].filter(isOurs).map((each) => each.pid));
}

/** Parses one line of /proc/PID/stat (proc_pid_stat(5)). The name can contain any byte, also `)`. */
export function parseTimes(line: string): ProcessTimes {
  const nameEnd = line.lastIndexOf(')');
  const fields = line.slice(nameEnd + 2).split(' ');
  const pid = Number.parseInt(line, 10);
  const parent = Number(fields[1]);
  const seconds = (first: number) => (Number(fields[first]) + Number(fields[first + 1])) / ticksPerSecond;
  return {
    pid,
    parent,
    startTicks: Number(fields[19]),
    isZombie: fields[0] === 'Z' && Number(fields[17]) <= 1,
    isKernel: pid === 2 || parent === 2 || (Number(fields[6]) & kernelThread) !== 0,
    command: line.slice(line.indexOf('(') + 1, nameEnd),
    ownSeconds: seconds(11),
    childrenSeconds: seconds(13),
  };
}

function readLook(): Look {
  const look = new Map<number, ProcessTimes>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const times = parseTimes(readFileSync(`/proc/${name}/stat`, 'latin1'));
      look.set(times.pid, times);
    } catch {
      // it ended meanwhile
    }
  }
  return look;
}

/** Decides by the kernel's user id, not by the owner of the /proc folder, which a process can change to root. */
function belongsToEntries({ pid, command }: ProcessTimes): boolean {
  const user = userOf(pid);
  return user === entryUser || (worksForEntries.test(command) && user !== null && user <= lastSystemUser);
}

function userOf(pid: number): number | null {
  try {
    return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
  } catch {
    return null; // it ended meanwhile
  }
}

function groupsOf(pid: number | 'self'): string | null {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'latin1');
  } catch {
    return null; // it ended meanwhile
  }
}

const keyOf = ({ pid, startTicks }: ProcessTimes): string => `${pid} ${startTicks}`;
