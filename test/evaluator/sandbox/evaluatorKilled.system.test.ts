import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { createSandbox } from '../../../evaluator/sandbox/createSandbox.ts';
import { namespaceFlags } from '../../../evaluator/sandbox/process/namespace.ts';
import { plainImage, processesWith, uniqueSeconds } from '../fixtures.ts';

const works = (made: Promise<unknown>) =>
  made.then(
    () => true,
    () => false,
  );

/** How to create each sandbox of this machine, in a module of its own. */
const sandboxes: [string, string][] = [['tree', `process/process.js').createProcessSandbox('tree')`]];
if ((await namespaceFlags()) !== null) {
  sandboxes.push(['namespace', `process/process.js').createProcessSandbox('namespace')`]);
}
if (await works(createSandbox('bubblewrap'))) {
  sandboxes.push(['bubblewrap', `createSandbox.js').createSandbox('bubblewrap')`]);
}
if (await works(createSandbox('docker', { image: plainImage }))) {
  sandboxes.push(['docker', `createSandbox.js').createSandbox('docker', { image: '${plainImage}' })`]);
}
const compiled = pathToFileURL(resolve('dist/evaluator/sandbox')).href;

/**
 * Starts a process that starts a stage of three sleepers, one of them in its own session, and reports when they run.
 */
const holder = (make: string, seconds: string) => `
  const sandbox = await (await import('${compiled}/${make.replace(')', '))')};
  const stage = await sandbox.start({
    argv: ['sh', '-c', '(setsid sleep ${seconds} &); sleep ${seconds} & echo up; exec sleep ${seconds}'],
    cwd: '/',
    environment: { PATH: process.env.PATH, HAET_RUN_ID: 'killed-${seconds}' },
    progress: false,
    mounts: [],
    out: { host: '${tmpdir()}', inside: '/out' },
    work: '/work',
    limits: { cpus: 1, memoryBytes: 2 ** 28, processes: 100, workBytes: 2 ** 24, outBytes: 2 ** 20, outFiles: 100 },
  });
  stage.stdout.once('data', () => process.stdout.write('up'));
  setInterval(() => {}, 1000);`;

test.each(sandboxes)(
  'a stage in the sandbox %s ends within a second of kill -9 of its evaluator',
  async (_, make) => {
    const seconds = uniqueSeconds();
    const evaluator = spawn(process.execPath, ['--input-type=module', '-e', holder(make, seconds)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(evaluator.stdout, 'data');
    await sleep(100);
    const sleepers = () => processesWith(seconds).filter((command) => command.startsWith('sleep'));
    expect(sleepers()).toHaveLength(3);
    evaluator.kill('SIGKILL');
    for (let waited = 0; waited < 1000 && sleepers().length > 0; waited += 20) await sleep(20);
    expect(sleepers()).toEqual([]);
    // Helper processes end too, on a busy machine a little later.
    for (let waited = 0; waited < 10_000 && processesWith(seconds).length > 0; waited += 50) await sleep(50);
    expect(processesWith(seconds)).toEqual([]);
  },
);
