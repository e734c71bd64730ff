import { execa } from 'execa';
import { plainText } from '../../datasets/plainText.ts';
import { UserError } from '../../datasets/userError.ts';
import { parseTasks, type TaskState } from './taskState.ts';

async function slurm(program: string, ...words: string[]) {
  const ended = await execa(program, words, { reject: false, stdin: 'ignore', timeout: 60_000 });
  if (ended.code === 'ENOENT') {
    throw new UserError({
      option: '--executor slurm',
      reason: `there is no program ${program} on this machine`,
      remedy: 'Run haet on a machine from which jobs are submitted to Slurm.',
    });
  }
  return { ok: ended.exitCode === 0, out: ended.stdout.trim(), said: plainText(ended.stderr.trim()) };
}

/** What a controller that is down, restarting or overloaded makes the programs say. */
const passing =
  /contact|connect|timed? ?out|tempor|try again|zero bytes|communication|transport endpoint|standby|shutdown|munge|credential/i;

/**
 * Submits a batch script.
 * @returns the id of the array job; null if no answer came, so that the job may exist or not
 * @throws UserError with Slurm's words if it is refused
 */
export async function submit(words: readonly string[]): Promise<string | null> {
  const { ok, out, said } = await slurm('sbatch', '--parsable', ...words);
  const id = /^(\d+)/.exec(out)?.[1];
  if (ok && id !== undefined) return id;
  if (said === '' || passing.test(said) || !(await slurm('scontrol', 'ping')).ok) return null;
  throw new UserError({
    option: '--executor slurm',
    reason: `Slurm refused the job: ${said || out || 'no reason given'}`,
    remedy: 'Change the --slurm-option that it names, or look at `sinfo`.',
  });
}

/** What Slurm says about an array job. */
export type ArrayState =
  | { readonly kind: 'known'; readonly tasks: readonly TaskState[] }
  /** Slurm has forgotten it, some minutes after its end. */
  | { readonly kind: 'forgotten' }
  | { readonly kind: 'unreachable'; readonly said: string };

/**
 * Asks for the state of all tasks of an array job. Needs no accounting.
 * @param name of the job: a controller that lost its last jobs in a crash gives their ids to others
 */
export async function lookAtArray(id: string, name: string): Promise<ArrayState> {
  const { ok, out, said } = await slurm('scontrol', 'show', 'job', '--oneliner', id);
  if (ok) {
    const tasks = parseTasks(out, name);
    return tasks.length > 0 ? { kind: 'known', tasks } : { kind: 'forgotten' };
  }
  return /invalid job id/i.test(said) ? { kind: 'forgotten' } : { kind: 'unreachable', said };
}

/** What is asked of the accounting, by the names that scontrol gives to the same. */
const accounted = {
  JobState: 'State',
  ExitCode: 'ExitCode',
  Reason: 'Reason',
  NodeList: 'NodeList',
  StartTime: 'Start',
  EndTime: 'End',
} as const;

/** Asks the accounting how a task that Slurm has forgotten ended; null where there is no accounting. */
export async function lookInAccounting(id: string, index: number, name: string): Promise<string | null> {
  const words = [`--name=${name}`, `--format=${Object.values(accounted)}`];
  const { ok, out } = await slurm('sacct', '-X', '-n', '-P', '-j', `${id}_${index}`, ...words);
  if (!ok || out === '') return null;
  const values = plainText(out.split('\n')[0]!).split('|');
  return Object.keys(accounted)
    .map((field, at) => `${field}=${values[at]}`)
    .join(' ');
}

/** An array job, looked up by its name. */
export type FoundArray =
  | { readonly kind: 'found'; readonly id: string }
  /** Slurm does not know it: it was not submitted, or was forgotten some minutes after its end. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unreachable'; readonly said: string };

/** Looks an array job up by its name. */
export async function findArray(name: string): Promise<FoundArray> {
  const words = ['--noheader', '--states=all', `--name=${name}`, '--format=%F'];
  const { ok, out, said } = await slurm('squeue', ...words);
  if (!ok) return { kind: 'unreachable', said };
  const id = /^(\d+)/.exec(out)?.[1];
  return id === undefined ? { kind: 'none' } : { kind: 'found', id };
}

/** Returns the nodes that run jobs or could; none if Slurm does not answer. */
export async function usableNodes(): Promise<string[]> {
  const { out } = await slurm('sinfo', '--noheader', '--Node', '--format=%N %t');
  const nodes = out.split('\n').map((line) => line.trim().split(/\s+/));
  // A star after a state is a node that does not respond; other signs tell how its power is.
  return nodes.flatMap(([name = '', state = '']) =>
    /^(?:idle|mix|alloc|comp|plnd)[^*a-z]?$/.test(state) ? [name] : [],
  );
}

/**
 * Keeps tasks that have not started yet from some nodes, and from no others.
 * @returns whether Slurm did it; for nodes that are not fit that does not matter, because a task checks its node itself
 */
export async function excludeNodes(id: string, nodes: readonly string[]): Promise<boolean> {
  const { ok } = await slurm('scontrol', 'update', `JobId=${id}`, `ExcNodeList=${nodes.join(',')}`);
  return ok;
}

/**
 * Drains a node: what runs there goes on, and Slurm starts nothing more. A node that was drained for this reason, by a
 * call that was killed before it could note that, stays as it is.
 * @returns Slurm's words if it refuses, as it does to users who are neither operators nor administrators; else null
 */
export async function drainNode(node: string, reason: string): Promise<string | null> {
  const why = `Reason=haet: ${reason}`;
  if (await isDrained(node, why)) return null;
  const { ok, out, said } = await slurm('scontrol', 'update', `NodeName=${node}`, 'State=DRAIN', why);
  return ok ? null : said || plainText(out) || 'no reason given';
}

async function isDrained(node: string, why: string): Promise<boolean> {
  const { ok, out } = await slurm('scontrol', 'show', 'node', '--oneliner', node);
  return ok && /\sState=\S*DRAIN/.test(out) && out.includes(why);
}

/**
 * Cancels an array job or some of its tasks (`12_3`), if Slurm answers.
 * @param name of the job; others with these ids are not touched
 * @param ids default: every job of this name
 */
export async function cancel(name: string, ids: readonly string[] = []): Promise<void> {
  await slurm('scancel', `--name=${name}`, ...ids);
}
