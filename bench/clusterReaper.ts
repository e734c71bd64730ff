import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

// grep -z reads the environment of a process entry by entry. One that ended, also a zombie, has none.
const script = `
cat
processes() { grep --files-with-matches --no-messages --null-data --line-regexp --fixed-strings "SLURM_CONF=$1" /proc/[0-9]*/environ | cut --delimiter=/ --fields=3; }
while pids=$(processes "$1") && [ "$pids" ]; do
  kill -KILL $pids 2>/dev/null
  sleep 0.2
done
rm --recursive --force "$2"`;

/**
 * Starts a process that outlives this one, however this one ends: then it kills all processes that have a configuration
 * of Slurm in their environment, until none is left, and removes the cluster's folder. It learns of the end by a pipe
 * that only this process holds open, so a SIGKILL counts too.
 * @returns function that has it done now, and waits for it
 */
export function startReaper(conf: string, folder: string): () => Promise<void> {
  const reaper: ChildProcess = spawn('sh', ['-c', script, 'reaper', conf, folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Not in the group of this process, which Ctrl-C ends.
    detached: true,
    env: { PATH: process.env.PATH },
  });
  const ended = once(reaper, 'exit');
  return async () => {
    reaper.stdin!.end();
    await ended;
  };
}
