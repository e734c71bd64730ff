import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Command } from 'commander';
import { addExecutorOptions, requireExecutorOptions } from '../../cli/options/executorOptions.ts';
import { requireAtHome } from '../../cli/requireAtHome.ts';
import { secondsLeft } from '../../cli/slurmView.ts';
import { isAlone } from '../../evaluator/slurm/batch.ts';
import type { Seen } from '../../evaluator/slurm/seen.ts';
import { temporaryFolder } from '../evaluator/fixtures.ts';

const parsed = (...words: string[]) =>
  addExecutorOptions(new Command()).parse(words, { from: 'user' }).opts<never>();

test('words for sbatch may begin with dashes, and add up', () => {
  expect(parsed('--slurm-option', '--partition=gpu -C epyc', '--slurm-option', '--qos=high')).toMatchObject({
    slurmOption: ['--partition=gpu', '-C', 'epyc', '--qos=high'],
  });
});

test('options of the other executor are refused by name', () => {
  expect(() => requireExecutorOptions(parsed('--detach'))).toThrow('--detach: needs --executor slurm');
  expect(() => requireExecutorOptions(parsed('--parallel', '3'))).toThrow(
    '--parallel: needs --executor slurm',
  );
  expect(() => requireExecutorOptions(parsed('--executor', 'slurm', '--jobs', '2'))).toThrow(
    '--jobs 2: is for runs on this machine',
  );
  expect(() => requireExecutorOptions(parsed('--executor', 'slurm', '--gpus', '1'))).toThrow(
    '--gpus 1: is for runs on this machine. With --executor slurm, ask Slurm: --slurm-option --gres=gpu:1.',
  );
  expect(() => requireExecutorOptions(parsed('--executor', 'slurm', '--detach'))).not.toThrow();
  expect(() => requireExecutorOptions(parsed('--jobs', '2'))).not.toThrow();
});

test('a task has its node for itself unless resources are named', () => {
  expect(isAlone([])).toBe(true);
  expect(isAlone(['--partition=gpu', '-C', 'epyc', '--exclusive'])).toBe(true);
  for (const word of ['--cpus-per-task=4', '-c', '--gres=gpu:1', '--mem=8G', '--oversubscribe']) {
    expect([word, isAlone([word])]).toEqual([word, false]);
  }
});

test('an identity in a folder that nodes share is refused, also behind a link', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'shared'));
  await writeFile(join(folder, 'shared/identity.txt'), '');
  await symlink(join(folder, 'shared'), join(folder, 'link'));
  const shared = { '--track': '/elsewhere', '--out': join(folder, 'shared') };
  const identity = join(folder, 'link/identity.txt');
  expect(() => requireAtHome({ identity, shared })).toThrow(
    `--identity ${identity}: lies in --out, which every node of the cluster can read`,
  );
  expect(() => requireAtHome({ identity: join(folder, 'identity.txt'), shared })).not.toThrow();
});

test('the time left is that of the rounds that wait, and of the longest run in progress', () => {
  const seen = (state: Seen['state'], seconds: number | null = null): Seen => ({
    ...{ label: 'a', state, node: null, what: state === 'running' ? 'train' : 'Resources' },
    ...{ seconds, accuracy: null },
  });
  expect(secondsLeft([], 2, 700)).toBe(0);
  expect(secondsLeft([seen('running', 600), seen('running', 100)], 2, 700)).toBe(600);
  const waiting = [1, 2, 3].map(() => seen('queued'));
  expect(secondsLeft([seen('running', 600), ...waiting], 2, 700)).toBe(100 + 2 * 700);
});
