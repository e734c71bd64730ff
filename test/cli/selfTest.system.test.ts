import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';

const root = fileURLToPath(new URL('../../', import.meta.url));
const haet = (...words: string[]) =>
  execa(process.execPath, [join(root, 'cli/bin.mjs'), 'self-test', ...words], { reject: false });

test('prints one row per attack and ends with status 0 when every attack was stopped', async () => {
  const said = await haet('--sandbox', 'process', '--only', 'exits-with-nothing', 'honest', 'memory-hog');
  expect(said).toMatchObject({ exitCode: 0, stderr: '' });
  expect(said.stdout).toMatch(/^ {2}honest +SCORED +SCORED +\d+\.\d {2}yes$/m);
  expect(said.stdout).toMatch(/^ {2}exits-with-nothing +NO_OUTPUT +NO_OUTPUT +\d+\.\d {2}yes$/m);
  expect(said.stdout).toContain('2 of 2 attacks were stopped');
  expect(said.stdout).toContain('Not run, because the process sandbox does not hold memory: memory-hog.');
});

test('with --jobs runs attacks side by side, and those that need the whole machine last, alone', async () => {
  const names = ['floods-output', 'sleeps-past-deadline', 'predict-sleeps'];
  const said = await haet('--sandbox', 'process', '--jobs', '2', '--json', '--only', ...names);
  expect(said.exitCode).toBe(0);
  const { sandboxes } = JSON.parse(said.stdout);
  const order = ['predict-sleeps', 'sleeps-past-deadline', 'floods-output'];
  expect(sandboxes[0].attacks.map(({ attack }: { attack: string }) => attack)).toEqual(order);
});

test('with --json the last line is JSON, and the table is on standard error', async () => {
  const said = await haet('--sandbox', 'process', '--only', 'archive-bomb', '--json');
  expect(said.exitCode).toBe(0);
  const { ok, sandboxes } = JSON.parse(said.stdout);
  expect(ok).toBe(true);
  expect(sandboxes).toMatchObject([
    {
      sandbox: 'process',
      ok: true,
      attacks: [{ attack: 'archive-bomb', verdict: 'REJECTED_ARCHIVE', ok: true, problems: [] }],
      notRun: [],
    },
  ]);
  expect(said.stderr).toContain('archive-bomb');
});

test('rejects an unknown attack and one that cannot run here', async () => {
  const unknown = await haet('--only', 'no-such-attack');
  expect(unknown.exitCode).toBe(2);
  expect(unknown.stderr).toMatch(/^haet: --only no-such-attack: no such attack\. Attacks: honest, archive-/);
  const unfit = await haet('--sandbox', 'process', '--only', 'fork-bomb');
  expect(unfit.exitCode).toBe(2);
  expect(unfit.stderr).toBe(
    'haet: none of these attacks can run here: the process sandbox does not hold tasks, processes.',
  );
});
