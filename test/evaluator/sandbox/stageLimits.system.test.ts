import { availableParallelism } from 'node:os';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { makeRunFolder } from '../../../evaluator/run/runFolder.ts';
import { createSandbox, type SandboxKind } from '../../../evaluator/sandbox/createSandbox.ts';
import type { Sandbox } from '../../../evaluator/sandbox/sandbox.ts';
import { describeWith, temporaryFolder } from '../fixtures.ts';

/** Reads or sets the limits on open files of this process by prlimit(1), as `SOFT:HARD`. */
async function openFiles(limits?: string): Promise<string> {
  const words =
    limits === undefined ? ['--output', 'SOFT,HARD', '--noheadings', '--nofile'] : [`--nofile=${limits}`];
  const { stdout } = await execa('prlimit', [...words, '--pid', String(process.pid)]);
  return stdout.trim().replace(/\s+/, ':');
}
const hardOf = (limits: string) => Number(limits.split(':')[1]);

// A stage must not simply inherit the limits of the evaluator, so this one gets others: a low soft limit, and, if the
// machine allows it, a hard one above that of a stage.
let before: string;
let hard: number;
beforeAll(async () => {
  before = await openFiles();
  await openFiles('5000:70000').catch(() => openFiles(`5000:${hardOf(before)}`));
  hard = hardOf(await openFiles());
});
afterAll(async () => {
  await openFiles(before);
});

/** What a shell in a stage of one CPU prints, a line each. */
async function said(sandbox: Sandbox, script: string): Promise<string[]> {
  const { model, work } = await makeRunFolder(await temporaryFolder(), 'limits');
  const stage = await sandbox.start({
    argv: ['sh', '-c', script],
    cwd: '/',
    environment: { PATH: process.env.PATH!, HAET_RUN_ID: 'limits-test' },
    progress: false,
    mounts: [],
    out: { host: model, inside: sandbox.fenced ? '/out' : model },
    work: sandbox.fenced ? '/work' : work,
    limits: {
      cpus: 1,
      memoryBytes: 2 ** 28,
      processes: 100,
      workBytes: 2 ** 24,
      outBytes: 2 ** 20,
      outFiles: 100,
    },
  });
  const printed = await text(stage.stdout);
  await stage.kill();
  stage.output.discard();
  return printed.trim().split('\n');
}

for (const kind of ['bubblewrap', 'user'] as const satisfies SandboxKind[]) {
  (await describeWith(kind))(`a stage in the sandbox ${kind}`, () => {
    test('dumps no core and cannot allow itself to', async () => {
      const sandbox = await createSandbox(kind);
      const script = 'ulimit -Sc; ulimit -Hc; (ulimit -c 1000) 2>/dev/null && echo raised || echo refused';
      expect(await said(sandbox, script)).toEqual(['0', '0', 'refused']);
    });

    test('opens at most 65,536 files and cannot raise that', async () => {
      const sandbox = await createSandbox(kind);
      const script = 'ulimit -Sn; ulimit -Hn; (ulimit -n 65537) 2>/dev/null && echo raised || echo refused';
      const limit = String(Math.min(hard, 65_536));
      expect(await said(sandbox, script)).toEqual([limit, limit, 'refused']);
    });
  });
}

(await describeWith('bubblewrap'))('the CPUs of a stage in the sandbox bubblewrap', () => {
  test('are as many as it is given, whatever it asks for', async () => {
    const sandbox = await createSandbox('bubblewrap');
    const all = `0-${availableParallelism() - 1}`;
    const [before, after] = await said(sandbox, `nproc; taskset -pc ${all} $$ > /dev/null 2>&1; nproc`);
    expect(before).toBe('1');
    // Without a control group for CPUs the stage starts on one and may move: the record then says so.
    if (sandbox.contains.includes('may move to others')) return;
    expect(after).toBe('1');
  });
});
