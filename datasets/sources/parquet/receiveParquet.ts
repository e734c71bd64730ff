import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { UserError } from '../../userError.ts';
import { compiledProgram } from './compiledProgram.ts';
import type { ParquetContent, ParquetMessage, ParquetTask } from './parquetMessages.ts';

/** Limits of the process that reads Parquet files. */
export interface ParquetLimits {
  /** Bytes that it may hold in memory. */
  readonly memory: number;
  /** Milliseconds that it may take without any progress. */
  readonly silence: number;
}

const GIB = 2 ** 30;
/** Milliseconds between two looks at the process. */
const LOOK_EVERY = 50;
const PAGE_BYTES = 4096;
/** Characters of its standard error that are kept. */
const MOST_LOG = 4000;
const remedy =
  'Get the file again; if it is complete, write it again with row groups of 1000 images, or with images as PNG.';

/** Returns the usual limits: a minute without progress, and 6 GiB or three quarters of the machine's memory. */
export function parquetLimits(): ParquetLimits {
  const given = process.constrainedMemory();
  const machine = Math.min(totalmem(), given > 0 ? given : Number.POSITIVE_INFINITY);
  return { memory: Math.min(6 * GIB, 0.75 * machine), silence: 60_000 };
}

/**
 * Reads Parquet files in a process of its own and passes on what it reads. The process is killed if it exceeds a limit.
 *
 * @throws UserError that names the file and what is wrong with it
 */
export async function receiveParquet(
  task: ParquetTask,
  limits: ParquetLimits,
  receive: (content: ParquetContent) => void,
): Promise<void> {
  const child = fork(compiledProgram('readParquetProgram', import.meta.url), [JSON.stringify(task)], {
    // Half for the heap, because the content of files and pages is held outside of it.
    execArgv: [`--max-old-space-size=${Math.floor(limits.memory / 2 ** 21)}`],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let log = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-MOST_LOG);
  });
  let path = task.paths[0]!;
  let result: UserError | 'done' | null = null;
  let heardAt = performance.now();
  const stop = (reason: string) => {
    result ??= new UserError({ path, reason, remedy });
    child.kill('SIGKILL');
  };
  child.on('message', (message: ParquetMessage) => {
    heardAt = performance.now();
    if (result !== null) return;
    if (message.kind === 'open') path = message.path;
    else if (message.kind === 'fault') result = new UserError(message.fields);
    else if (message.kind === 'done') result = 'done';
    else if (message.kind !== 'progress') receive(message);
  });
  const watch = setInterval(async () => {
    const held = await memoryOf(child);
    if (result !== null) return;
    if (held > limits.memory) {
      stop(`is damaged or too large: reading it takes more than ${inGib(limits.memory)} of memory`);
    } else if (performance.now() - heardAt > limits.silence) {
      stop(`is damaged or made to be unreadable: reading it made no progress for ${limits.silence / 1000} s`);
    }
  }, LOOK_EVERY);
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (result === null) throw endOf(path, code, signal, log, limits);
    if (result !== 'done') throw result;
  } finally {
    clearInterval(watch);
    child.kill('SIGKILL');
  }
}

/** Explains a process that ended without a result. */
function endOf(
  path: string,
  code: number | null,
  signal: NodeJS.Signals | null,
  log: string,
  limits: ParquetLimits,
): Error {
  // What V8 writes before it aborts, for a full heap or an array that is too long.
  if (/^FATAL ERROR: .*(?:memory|heap|Allocation failed)/im.test(log)) {
    const reason = `is damaged or too large: reading it takes more than ${inGib(limits.memory / 2)} of memory for its values`;
    return new UserError({ path, reason, remedy });
  }
  if (signal !== null) {
    return new UserError({ path, reason: `cannot be read: the reader was ended by ${signal}`, remedy });
  }
  return new Error(`the reader of ${path} ended with exit status ${code}: ${log}`);
}

/** Returns the bytes that a process holds in memory; 0 if it has ended. */
async function memoryOf({ pid }: ChildProcess): Promise<number> {
  const text = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '');
  return Number(text.split(' ')[1] ?? 0) * PAGE_BYTES;
}

const inGib = (bytes: number): string => `${Math.round((bytes / GIB) * 10) / 10} GiB`;
