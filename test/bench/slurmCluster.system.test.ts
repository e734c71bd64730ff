import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from '@jest/globals';
import { describeWithSlurm, until } from '../slurmCluster.ts';

const compiled = pathToFileURL(resolve('dist/bench/slurmCluster.js')).href;

/** Returns the names of the live processes of a cluster. */
const processesOf = (conf: string): string[] =>
  readdirSync('/proc').flatMap((pid) => {
    try {
      const isOwn = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`SLURM_CONF=${conf}`);
      return isOwn ? [readFileSync(`/proc/${pid}/comm`, 'latin1').trim()] : [];
    } catch {
      return []; // no process, or it has ended
    }
  });

describeWithSlurm('a cluster of this machine', () => {
  test('its daemons, its tasks and its folder are gone when the process that started it is killed', async () => {
    const script = `
      const { startCluster } = await import('${compiled}');
      const { env, run } = await startCluster(['n1']);
      run('sbatch', '--output=/dev/null', '--chdir=/', '--wrap', 'sleep 611');
      process.stdout.write(env.SLURM_CONF + '\\n');
      await new Promise(() => {});`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const conf = String(await once(parent.stdout, 'data')).trim();
      const expected = ['munged', 'slurmctld', 'slurmd', 'slurmstepd', 'sleep'];
      await until('a task runs', () => expected.every((name) => processesOf(conf).includes(name)));

      parent.kill('SIGKILL');
      await until('no process is left', () => processesOf(conf).length === 0);
      await until('its folder is gone', () => !existsSync(dirname(conf)));
    } finally {
      parent.kill('SIGKILL');
    }
  }, 300_000);
});
