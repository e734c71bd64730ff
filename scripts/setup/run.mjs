import { spawn } from 'node:child_process';

/**
 * Runs a command to its end and returns its output. The output is always captured, also on a terminal: what went wrong
 * is decided from it.
 * @param {string} command
 * @param {string[]} words
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, locks?: number[], onOutput?: (text: string) => void }} options
 *   `locks`: descriptors that the command keeps open while it runs; `onOutput`: gets each piece of output as it comes
 * @returns {Promise<{ status: number | null, signal: string | null, output: string, missing: boolean }>} `status` is
 *   null if a signal killed the command, or if it could not be started: then `signal` is null too, and `output` says why
 */
export function run(command, words, { cwd, env = process.env, locks = [], onOutput } = {}) {
  return new Promise((settle) => {
    const cannotStart = (error) =>
      settle({ status: null, signal: null, output: String(error), missing: error.code === 'ENOENT' });
    let child;
    try {
      child = spawn(command, words, { cwd, env, stdio: ['ignore', 'pipe', 'pipe', ...locks] });
    } catch (error) {
      // Some faults, such as EACCES of a folder or a NUL in an argument, are thrown.
      cannotStart(error);
      return;
    }
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        output = (output + text).slice(-100_000);
        onOutput?.(text);
      });
    }
    child.once('error', cannotStart);
    child.once('close', (status, signal) => settle({ status, signal, output, missing: false }));
  });
}
