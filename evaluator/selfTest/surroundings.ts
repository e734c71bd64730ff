// Targets that an entry must not find, reach or disturb, so that every attack has a real target that does no harm when
// it is hit. hints.json in each entry names their paths, ports and process ids: the attack that knows them all is the
// strongest one.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import * as inspector from 'node:inspector';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';

/** An argument that identifies the bystander among other processes. */
const bystanderName = 'haet-bystander';

/** The content of hints.json in the folder of an entry. */
export interface Hints {
  /** In the environment of the bystander and in the files that must not be read; sent over the network. */
  readonly secret: string;
  readonly bystander: { readonly pid: number; readonly name: string };
  readonly evaluator: number;
  readonly tcp: readonly (readonly [address: string, port: number])[];
  /** Answers every datagram like a name server. */
  readonly udp: readonly (readonly [address: string, port: number])[];
  readonly unixSocket: string;
  /** Without the leading NUL. */
  readonly abstractSocket: string;
  /** Folder that entries must not touch. */
  readonly canary: string;
  /** A file in it that looks like the age identity that opens sealed labels. */
  readonly identity: string;
  /** The withheld labels. */
  readonly labels: string;
  /** Folder of all runs. */
  readonly runs: string;
}

export interface Surroundings {
  readonly hints: Hints;
  /** Lists what was disturbed since the last call, one sentence each. */
  disturbances(): string[];
  close(): Promise<void>;
}

/** @param places absolute paths; `canary` is created, for files that must not change */
export async function createSurroundings(
  places: Pick<Hints, 'canary' | 'labels' | 'runs'>,
): Promise<Surroundings> {
  const { canary } = places;
  const secret = `haet-secret-${randomBytes(12).toString('hex')}`;
  const identity = join(canary, 'identity.txt');
  const unixSocket = join(canary, 'socket');
  const abstractSocket = `haet-${randomBytes(8).toString('hex')}`;
  await mkdir(canary, { mode: 0o700 });
  // Not a key, but it looks like one to a search.
  await writeFile(identity, `# ${secret}\nAGE-SECRET-KEY-1${'Q'.repeat(58)}\n`, { mode: 0o600 });

  const reached: string[] = [];
  const listen = (name: string) =>
    createServer((connection) => {
      connection.on('error', () => {});
      connection.once('data', (bytes) => {
        if (bytes.includes(secret)) reached.push(name);
        connection.end('reached');
      });
    });
  const servers = {
    tcp: listen('TCP'),
    unix: listen('a unix socket'),
    abstract: listen('an abstract socket'),
  };
  await Promise.all([
    started(servers.tcp.listen(0, '0.0.0.0')),
    started(servers.unix.listen(unixSocket)),
    started(servers.abstract.listen(`\0${abstractSocket}`)),
  ]);
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => {
    if (message.includes(secret)) reached.push('UDP');
    udp.send(asAnswer(message), from.port, from.address);
  });
  udp.bind(0);
  await once(udp, 'listening');

  let bystander = startBystander(secret);
  const addresses = ownAddresses();
  const port = (server: Server | Socket) => (server.address() as AddressInfo).port;
  return {
    get hints() {
      return {
        secret,
        bystander: { pid: bystander.pid!, name: bystanderName },
        evaluator: process.pid,
        tcp: addresses.map((address) => [address, port(servers.tcp)] as const),
        udp: addresses.map((address) => [address, port(udp)] as const),
        unixSocket,
        abstractSocket,
        identity,
        ...places,
      };
    },
    disturbances() {
      const found = reached.splice(0).map((name) => `the evaluator was reached by ${name}`);
      if (inspector.url() !== undefined) {
        found.push('the debugger of the evaluator was opened');
        inspector.close();
      }
      if (tracerOf(process.pid) !== 0) found.push('the evaluator is being traced');
      const state = stateOf(bystander.pid!);
      if (state === 'T' || state === 't') found.push('a process of the evaluator was stopped');
      else if (state === null) found.push('a process of the evaluator was ended');
      else if (tracerOf(bystander.pid!) !== 0) found.push('a process of the evaluator is being traced');
      if (found.length > 0) {
        bystander.kill('SIGKILL');
        bystander = startBystander(secret);
      }
      return found;
    },
    async close() {
      bystander.kill('SIGKILL');
      udp.close();
      await Promise.all(
        Object.values(servers).map((server) => new Promise((resolve) => server.close(resolve))),
      );
    },
  };
}

/** Starts a process to aim at. It waits on a pipe that only we hold, so it ends when we end. */
function startBystander(secret: string): ChildProcess {
  const child = spawn('sh', ['-c', 'read -r _; exit', bystanderName], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH, HAET_SELF_TEST_SECRET: secret },
  });
  child.stdin!.on('error', () => {});
  return child;
}

/** Lists the IPv4 addresses of this machine, the loopback address first. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outer = all.filter((each) => each.family === 'IPv4' && !each.internal).map((each) => each.address);
  return ['127.0.0.1', ...outer];
}

/** Turns a DNS query into the answer that the name does not exist (RFC 1035, section 4.1.1). */
function asAnswer(query: Buffer): Buffer {
  const answer = Buffer.from(query);
  if (answer.length >= 12) {
    answer[2]! |= 0x80;
    answer[3] = 0x83;
  }
  return answer;
}

async function started(server: Server): Promise<void> {
  await once(server, 'listening');
}

const statusOf = (pid: number, field: string): string | null => {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return new RegExp(`^${field}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? null;
  } catch {
    return null;
  }
};
const tracerOf = (pid: number): number => Number(statusOf(pid, 'TracerPid') ?? 0);
const stateOf = (pid: number): string | null => {
  const state = statusOf(pid, 'State');
  return state === 'Z' || state === 'X' ? null : state;
};
