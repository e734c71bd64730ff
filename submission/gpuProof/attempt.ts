import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Results } from './compare.ts';
import type { ProofLine } from './proofLine.ts';

export type Device = 'cpu' | 'gpu';

/** What was seen of a process that computed the blocks. */
export interface Attempt {
  /** The device that TensorFlow used; null if it did not load. */
  readonly device: Device | null;
  readonly version: string | null;
  readonly results: Results;
  /** The block that was being computed when the process ended; null before the first. */
  readonly block: string | null;
  readonly isDone: boolean;
  /** The end of what the process wrote to standard error. */
  readonly log: string;
  /** How the process ended, for instance "exit status 1", "SIGSEGV". */
  readonly ending: string;
  /** The time limit if the process exceeded it; else null. */
  readonly exceededSeconds: number | null;
}

const program = fileURLToPath(new URL('computeBlocks.js', import.meta.url));
const longestLog = 100_000;

/**
 * Computes the blocks in a child process, because a GPU library that does not match its driver may crash or hang.
 *
 * @param limitSeconds after which it is killed
 */
export async function attempt(device: Device, limitSeconds: number): Promise<Attempt> {
  const child = spawn(process.execPath, [program, device], {
    env: {
      ...process.env,
      // All lines: the reason why TensorFlow does not use a GPU is only logged.
      TF_CPP_MIN_LOG_LEVEL: '0',
      TF_FORCE_GPU_ALLOW_GROWTH: 'true',
      ...(device === 'cpu' && { CUDA_VISIBLE_DEVICES: '-1' }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-longestLog);
  });
  const output: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.push(text);
  });
  let exceeded = false;
  const timer = setTimeout(() => {
    exceeded = true;
    child.kill('SIGKILL');
  }, limitSeconds * 1000);
  const ending = await new Promise<string>((settle) => {
    child.once('error', (error) => settle(error.message));
    child.once('close', (status, signal) => settle(signal ?? `exit status ${status}`));
  });
  clearTimeout(timer);
  return { ...readLines(output.join('')), log, ending, exceededSeconds: exceeded ? limitSeconds : null };
}

function readLines(output: string) {
  const results = new Map<string, Float32Array>();
  let [device, version, block, isDone] = [null, null, null, false] as [
    Device | null,
    string | null,
    string | null,
    boolean,
  ];
  for (const line of output.split('\n').map(parse)) {
    if (line === null) continue;
    if ('device' in line) ({ device, version } = line);
    else if ('starts' in line) block = line.starts;
    else if ('result' in line) results.set(line.result, floatsOf(line.floats));
    else isDone = true;
  }
  return { device, version, results, block, isDone };
}

function parse(line: string): ProofLine | null {
  try {
    return JSON.parse(line);
  } catch {
    // Another library's output, or the part of a line that a killed process wrote.
    return null;
  }
}

/** Copies, because the bytes that Buffer decodes into are not aligned. */
function floatsOf(base64: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
  return new Float32Array(bytes.buffer);
}
