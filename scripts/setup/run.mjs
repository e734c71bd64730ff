import { spawn } from 'node:child_process';

/**
 * Runs a command to its end and returns its output.
 * @param {string} command
 * @param {string[]} words
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, locks?: number[], live?: boolean }} options
 *   `locks`: descriptors that the command keeps open while it runs; `live`: show its output on a terminal as it comes
 * @returns {Promise<{ status: number | null, output: string, missing: boolean }>}
 */
export function run(command, words, { cwd, env = process.env, locks = [], live = false } = {}) {
  return new Promise((settle) => {
    const shown = live && process.stderr.isTTY ? process.stderr : 'pipe';
    const child = spawn(command, words, { cwd, env, stdio: ['ignore', shown, shown, ...locks] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        output = (output + text).slice(-100_000);
      });
    }
    child.once('error', (error) =>
      settle({ status: null, output: String(error), missing: error.code === 'ENOENT' }),
    );
    child.once('close', (status) => settle({ status, output, missing: false }));
  });
}
