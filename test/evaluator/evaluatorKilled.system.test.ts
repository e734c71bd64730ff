import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { namespaceFlags } from '../../evaluator/sandbox/namespace.ts';
import type { Isolation } from '../../evaluator/sandbox/process.ts';
import { processesWith, uniqueSeconds } from './fixtures.ts';

const isolations: Isolation[] = (await namespaceFlags()) === null ? ['tree'] : ['namespace', 'tree'];

/** A process that starts a stage of three sleepers, one of them in a session of its own, and says when it has. */
const holder = (isolation: Isolation, seconds: string) => `
  const { createProcessSandbox } = await import(${JSON.stringify(pathToFileURL(resolve('dist/evaluator/sandbox/process.js')).href)});
  const sandbox = await createProcessSandbox('${isolation}');
  const stage = await sandbox.start({
    argv: ['sh', '-c', '(setsid sleep ${seconds} &); sleep ${seconds} & echo up; exec sleep ${seconds}'],
    cwd: '/',
    environment: { PATH: process.env.PATH, HAET_RUN_ID: 'killed-${seconds}' },
    progress: false,
  });
  stage.stdout.once('data', () => process.stdout.write('up'));
  setInterval(() => {}, 1000);`;

test.each(isolations)(
  'held together by %s, a stage ends within a second of kill -9 of its evaluator',
  async (isolation) => {
    const seconds = uniqueSeconds();
    const evaluator = spawn(process.execPath, ['--input-type=module', '-e', holder(isolation, seconds)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(evaluator.stdout, 'data');
    await sleep(100);
    const sleepers = () => processesWith(seconds).filter((command) => command.startsWith('sleep'));
    expect(sleepers()).toHaveLength(3);
    evaluator.kill('SIGKILL');
    for (let waited = 0; waited < 1000 && sleepers().length > 0; waited += 20) await sleep(20);
    expect(processesWith(seconds)).toEqual([]);
  },
);
