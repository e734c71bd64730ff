import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { cacheFolder } from '../../datasets/cacheFolder.ts';

const TORCH = '2.15.0';
const JEMALLOC = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib', '/usr/lib/aarch64-linux-gnu']
  .map((folder) => join(folder, 'libjemalloc.so.2'))
  .find((path) => existsSync(path));

/** A process that answers each line with a line of JSON. */
export interface Contender {
  ask<T>(question: string): Promise<T>;
  stop(): Promise<void>;
}

export function start(command: string, words: string[], environment: Record<string, string>): Contender {
  const child = execa(command, words, {
    env: environment,
    stderr: 'inherit',
    reject: false,
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask<T>(question: string) {
      child.stdin.write(`${question}\n`);
      const { value, done } = await answers.next();
      if (done) throw new Error(`${command} ${words[0]} exited without an answer to "${question}".`);
      return JSON.parse(value) as T;
    },
    async stop() {
      child.stdin.end();
      await child;
    },
  };
}

/**
 * Returns a Python with PyTorch: that of HAET_TORCH_PYTHON, otherwise a venv in the cache, created on first use.
 *
 * @throws if pip cannot install PyTorch
 */
export async function torchPython(): Promise<string> {
  const installed = await installedTorch();
  if (installed !== null) return installed;
  const venv = torchFolder();
  process.stderr.write(`Installing PyTorch ${TORCH} into ${venv} ...\n`);
  await execa('python3', ['-m', 'venv', venv], { stdio: ['ignore', 2, 2] });
  const python = join(venv, 'bin', 'python');
  await execa(python, ['-m', 'pip', 'install', '-q', `torch==${TORCH}`, 'numpy'], {
    stdio: ['ignore', 2, 2],
  });
  return python;
}

/** Returns the Python with PyTorch that is there already: that of HAET_TORCH_PYTHON, or of the venv; null if neither. */
export async function installedTorch(): Promise<string | null> {
  const named = process.env.HAET_TORCH_PYTHON;
  if (named) return named;
  const python = join(torchFolder(), 'bin', 'python');
  const works = await execa(python, ['-c', 'import torch, numpy'], { reject: false });
  return works.failed ? null : python;
}

const torchFolder = (): string => join(cacheFolder(), `torch-${TORCH}`);

/** Returns the environment in which PyTorch is fastest: jemalloc that keeps its memory, if installed. */
export function jemallocEnvironment(): Record<string, string> {
  if (JEMALLOC === undefined) {
    process.stderr.write(
      'libjemalloc2 is not installed; PyTorch runs slower without it (apt install libjemalloc2).\n',
    );
    return {};
  }
  return { LD_PRELOAD: JEMALLOC, MALLOC_CONF: 'dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0' };
}

/**
 * Returns the environment of our side: the number of threads, and the allocator settings of the submission's command.
 */
export async function ourEnvironment(threads: number): Promise<Record<string, string>> {
  const entry = JSON.parse(await readFile(new URL('../../submission/haet.json', import.meta.url), 'utf8'));
  const settings = (entry.train as string[]).filter((word) => /^(MALLOC_|GLIBC_)\w+=/.test(word));
  return {
    ...Object.fromEntries(settings.map((word) => word.split(/=(.*)/, 2))),
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: '1',
    TF_CPP_MIN_LOG_LEVEL: '2',
  };
}
