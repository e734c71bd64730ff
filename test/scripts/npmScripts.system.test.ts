import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { execa } from 'execa';

const elsewhere = realpathSync(mkdtempSync(join(tmpdir(), 'haet-elsewhere-')));
afterAll(() => rmSync(elsewhere, { recursive: true }));

const npm = (...words: string[]) =>
  execa('npm', ['--prefix', resolve('.'), ...words], { cwd: elsewhere, reject: false, all: true });

test('npm start takes relative paths from the folder where npm was started, and prints it', async () => {
  const { all, exitCode } = await npm('start', '--', '--entry', 'no-such-entry');
  expect(exitCode).toBe(2);
  expect(all).toContain(`relative paths, also that of the report, are below ${elsewhere}.`);
  expect(all).toContain(`${elsewhere}/no-such-entry: no such entry`);
});

test('npm start starts nothing if npm kept an option', async () => {
  const { all, exitCode } = await npm('start', '--entry', 'no-such-entry');
  expect(exitCode).toBe(2);
  expect(all).toMatch(/haet set-up: npm kept --entry for itself, .*`npm start -- --entry \.\.\.`\.$/);
});

test('npm in a clone runs no install scripts and prints no notice of an update', async () => {
  const settings = await Promise.all(
    ['ignore-scripts', 'update-notifier'].map((name) => npm('config', 'get', name)),
  );
  expect(settings.map(({ stdout }) => stdout)).toEqual(['true', 'false']);
});
