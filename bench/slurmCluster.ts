// A Slurm cluster on this machine, with ports and folders of its own: munged, slurmctld and one slurmd per node. Every
// node runs in a mount namespace, so that it does not see what the coordinator keeps at home, and has a machine lock of
// its own. Needs root, slurm-wlm and munge.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startReaper } from './clusterReaper.ts';

export interface SlurmCluster {
  /** Environment in which Slurm's programs, and haet, find the cluster. */
  readonly env: NodeJS.ProcessEnv;
  /** Folder that no node sees. */
  readonly home: string;
  /** Runs a program of Slurm and returns its standard output. */
  run(program: string, ...words: string[]): string;
  /** Sends a signal to the daemon of a node. */
  killNode(name: string, signal: NodeJS.Signals): void;
  startNode(name: string): void;
  /** Kills the daemon of a node and all that runs there, as a power failure does, and tells Slurm that it is down. */
  loseNode(name: string): void;
  killController(): void;
  /** Starts the controller again and waits until all nodes are idle. */
  startController(): Promise<void>;
  /** Starts the controller again and returns at once. */
  reviveController(): void;
  /** Ids of the live processes of a job's tasks whose arguments contain a text. */
  processesWith(text: string): number[];
  /** Ends all daemons and tasks and removes the cluster's folder, as the end of this process does, by whatever signal. */
  stop(): Promise<void>;
}

const programs = ['munged', 'slurmctld', 'slurmd', 'sbatch'];

/** Returns why no cluster can be started on this machine; null if one can. */
export function whyNoCluster(): string | null {
  if (process.getuid?.() !== 0) return 'such a cluster can be started by root only';
  const folders = (process.env.PATH ?? '').split(':').concat('/usr/sbin');
  const lacking = programs.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  return lacking.length === 0 ? null : `no ${lacking.join(', ')}`;
}

/** What is odd about a node. */
export interface OddNode {
  /** Folder that it does not see. */
  readonly blindFor?: string;
  /** Whether it sees what the coordinator keeps at home. */
  readonly spies?: boolean;
}

/**
 * Starts a cluster and waits until its nodes are idle.
 * @param fit names of the nodes of the default partition
 * @param odd further nodes, not in the default partition; `all` has all nodes, and `only-NAME` one
 * @param more lines of slurm.conf
 */
export async function startCluster(
  fit: readonly string[],
  odd: Readonly<Record<string, OddNode>> = {},
  more: readonly string[] = [],
): Promise<SlurmCluster> {
  const names = [...fit, ...Object.keys(odd)];
  const folder = await mkdtemp(join(tmpdir(), 'haet-slurm-'));
  const conf = join(folder, 'slurm.conf');
  const home = join(folder, 'home');
  const reap = startReaper(conf, folder);
  for (const each of ['munge', 'state', 'home']) await mkdir(join(folder, each), { mode: 0o711 });
  await writeFile(join(folder, 'munge/key'), randomBytes(1024), { mode: 0o600 });
  await writeFile(
    conf,
    `${confOf(folder, fit, names, await freePorts(names.length + 1))}${more.join('\n')}\n`,
  );
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin`, SLURM_CONF: conf };
  const daemons = new Map<string, ChildProcess>();
  const start = (name: string, program: string, words: readonly string[]) => {
    daemons.set(name, spawn(program, words, { env, cwd: folder, stdio: 'ignore', detached: true }));
  };
  const munge = (file: string) => join(folder, 'munge', file);
  const run = (program: string, ...words: string[]) =>
    execFileSync(program, words, { env, encoding: 'utf8', timeout: 20_000, stdio: 'pipe' }).trim();
  const startNode = (name: string) => {
    const { blindFor, spies = false } = odd[name] ?? {};
    const hidden = [...(spies ? [] : [home]), ...(blindFor === undefined ? [] : [blindFor])];
    const hide = hidden.map((place) => `mount -t tmpfs none ${place} && `).join('');
    const script = `${hide}mount -t tmpfs -o mode=1777 none /run/lock && exec slurmd -D -N ${name} -f ${conf}`;
    start(name, 'unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script]);
  };
  const reviveController = () => start('slurmctld', 'slurmctld', ['-D', '-f', conf]);
  const startController = () => {
    reviveController();
    return until('the nodes are idle', () => {
      const states = run('sinfo', '--noheader', '--Node', '--format=%T').split('\n');
      return states.every((state) => state === 'idle');
    });
  };
  const files = [
    ...['key-file=key', 'socket=socket', 'pid-file=pid', 'log-file=log', 'seed-file=seed'].map((word) => {
      const [option, file] = word.split('=') as [string, string];
      return `--${option}=${munge(file)}`;
    }),
  ];
  start('munged', 'munged', ['--foreground', '--force', ...files]);
  await until('munged listens', () => existsSync(munge('socket')));
  for (const name of names) startNode(name);
  await startController();
  return {
    ...{ env, home, run, startNode, startController, reviveController },
    killNode: (name, signal) => daemons.get(name)!.kill(signal),
    loseNode(name) {
      const own = namespaceOf(daemons.get(name)!.pid!);
      // Twice: what is killed may have started something.
      for (const pid of [...inNamespace(own), ...inNamespace(own)]) killQuietly(pid);
      run('scontrol', 'update', `NodeName=${name}`, 'State=DOWN', 'Reason=lost');
    },
    killController: () => daemons.get('slurmctld')!.kill('SIGKILL'),
    processesWith: (text) => ofCluster(conf).filter((pid) => argumentsOf(pid).includes(text)),
    async stop() {
      try {
        run('scancel', '--user=root');
        await until('no job runs', () => run('squeue', '--noheader') === '');
      } catch {
        // the controller may be dead
      }
      // Not only the daemons: tasks and their supervisors outlive a slurmd that was killed.
      await reap();
    },
  };
}

function confOf(
  folder: string,
  fit: readonly string[],
  names: readonly string[],
  ports: readonly number[],
): string {
  const host = hostname().split('.')[0]!;
  return `ClusterName=haet-test
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${folder}/munge/socket
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool-%n
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd-%n.pid
SlurmctldLogFile=${folder}/slurmctld.log
SlurmdLogFile=${folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=300
KillWait=2
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
${names.map((name, at) => `NodeName=${name} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${ports[at + 1]} CPUs=1\n`).join('')}PartitionName=fit Nodes=${fit.join(',')} Default=YES MaxTime=INFINITE State=UP
PartitionName=all Nodes=ALL MaxTime=INFINITE State=UP
${names.map((name) => `PartitionName=only-${name} Nodes=${name} MaxTime=INFINITE State=UP\n`).join('')}`;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((ready) => server.once('listening', ready))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) server.close();
  return ports;
}

/** Ids of all live processes that have a configuration of Slurm in their environment, but this one's family. */
function ofCluster(conf: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const isDead = /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
        return !isDead && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`SLURM_CONF=${conf}`);
      } catch {
        return false;
      }
    });
}

/** Names the mount namespace of a process; null if it is gone. */
function namespaceOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return null;
  }
}

/** Lists the processes of a mount namespace, which every node has for itself. */
function inNamespace(namespace: string | null): number[] {
  if (namespace === null || namespace === namespaceOf(process.pid)) return [];
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && namespaceOf(pid) === namespace);
}

function argumentsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it ended meanwhile
  }
}

/** Waits up to two minutes. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let waited = 0; waited < 120_000; waited += 200) {
    try {
      if (isSo()) return;
    } catch {
      // not yet
    }
    await sleep(200);
  }
  throw new Error(`waited for 120 s: ${what}`);
}
